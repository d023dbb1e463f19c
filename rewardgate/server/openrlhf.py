"""OpenRLHF's remote reward contract: from its queries to prompts and responses, and back."""

from typing import Any

from rewardgate.end_tokens import without_end
from rewardgate.parts import logged_parts
from rewardgate.server.schemas import OpenRLHFRequest
from rewardgate.server.settings import ServerSettings

LONGEST_BEGIN_TOKEN = 24
"""Characters; a policy's begin token, as <|begin_of_text|>, may stand before a prompt."""


def split_queries(
    request: OpenRLHFRequest, settings: ServerSettings
) -> tuple[list[str], list[str]]:
    """Prompts without the policy's template, and responses without its end tokens.

    A query is its prompt and the response, decoded with special tokens.
    Raises ValueError, in one line, if a query does not begin with its prompt.
    """
    before, after = settings.prompt_template.split("{}")
    prompts, responses = [], []
    for number, (query, prompt) in enumerate(zip(request.query, request.prompts, strict=True)):
        begin, found, response = query.partition(prompt) if prompt else ("", "", query)
        begin = begin.strip()
        is_token = len(begin) <= LONGEST_BEGIN_TOKEN and begin[:1] + begin[-1:] in ("<>", "[]", "")
        if (prompt and not found) or not is_token:
            raise ValueError(
                f"query[{number}]: does not begin with prompts[{number}]; send the prompt as it "
                "stands in the query"
            )
        if not (prompt.startswith(before) and prompt.removeprefix(before).endswith(after)):
            raise ValueError(
                f"prompts[{number}]: is not in the server's prompt template "
                f"{settings.prompt_template!r}; start the server with the policy's"
            )
        prompts.append(prompt.removeprefix(before).removesuffix(after))
        responses.append(without_end(response, settings.end_tokens))
    return prompts, responses


def answer(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What OpenRLHF's client reads; the parts of a row are logged by their names."""
    rewards = [row["reward"] for row in rows]
    return {
        "rewards": rewards,
        "scores": rewards,
        "extra_logs": logged_parts(rows),
        "model": rows[0]["model"],
    }
