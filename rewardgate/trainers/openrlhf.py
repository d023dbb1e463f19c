"""OpenRLHF: its remote reward contract, and the promoted reward as its custom reward function.

The server speaks the contract (`rewardgate serve`). Without a server, `--reward.remote_url` names a
file that holds the function:

    from rewardgate.trainers.openrlhf import PromotedReward

    reward_func = PromotedReward("/PROJECT/models/promoted/VERSION", prompt_template="...{}...")
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rewardgate.end_tokens import END_TOKENS, without_end
from rewardgate.errors import RewardGateError
from rewardgate.parts import logged_parts
from rewardgate.trainers.loaded import ONE_AT_A_TIME, loaded

LONGEST_BEGIN_TOKEN = 24
"""Characters; a policy's begin token, as <|begin_of_text|>, may stand before a prompt."""

LEAST_KEPT = 16
"""Characters of a prompt, at least, that OpenRLHF's truncation leaves in a query."""


class PromotedReward:
    """The `reward_func` of a custom reward file of OpenRLHF; each process loads the bundle once."""

    def __init__(
        self,
        bundle: str | Path,
        public_key: str | Path | None = None,
        *,
        prompt_template: str = "{}",
        end_tokens: Sequence[str] = END_TOKENS,
    ) -> None:
        """Load the bundle.

        bundle, public_key: as `load_promoted` takes them
        prompt_template: what the policy's chat template makes of a prompt, with {} for the prompt
        end_tokens: taken off the end of queries
        Raises RewardGateError if the template does not hold {} once, and what `load_promoted`
        raises.
        """
        if prompt_template.count("{}") != 1:
            raise RewardGateError(
                f"OpenRLHF: prompt_template {prompt_template!r} must hold {{}} once, where the "
                "prompt stands"
            )
        self.bundle = Path(bundle).absolute()
        self.public_key = public_key and Path(public_key).absolute()
        self.prompt_template = prompt_template
        self.end_tokens = tuple(end_tokens)
        loaded(self.bundle, self.public_key)

    def __call__(
        self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]
    ) -> dict[str, Any]:
        """What OpenRLHF reads of n queries, as the server answers them.

        labels: what the rules compare with
        Raises RewardGateError where `split_queries` raises ValueError, and what `Promoted.rewards`
        raises.
        """
        try:
            texts = split_queries(queries, prompts, self.prompt_template, self.end_tokens)
        except ValueError as error:
            raise RewardGateError(f"OpenRLHF: {error}") from None
        with ONE_AT_A_TIME:
            rows = loaded(self.bundle, self.public_key).rewards(*texts, list(labels))
        return answer(rows)


def split_queries(
    queries: Sequence[str], prompts: Sequence[str], prompt_template: str, end_tokens: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Prompts without the policy's template, and responses without its end tokens.

    A query is its prompt and the response, decoded with special tokens. The prompt may lack its
    beginning there: OpenRLHF cuts what is too long for the policy.
    Raises ValueError, in one line, if a query does not begin with its prompt.
    """
    before, after = prompt_template.split("{}")
    found, responses = [], []
    for number, (query, prompt) in enumerate(zip(queries, prompts, strict=True)):
        end = _prompt_end(query, prompt)
        if end is None:
            raise ValueError(
                f"query[{number}]: does not begin with prompts[{number}]; send the prompt as it "
                "stands in the query"
            )
        if not (prompt.startswith(before) and prompt.removeprefix(before).endswith(after)):
            raise ValueError(
                f"prompts[{number}]: is not in the prompt template {prompt_template!r}; give that "
                "of the policy"
            )
        found.append(prompt.removeprefix(before).removesuffix(after))
        responses.append(without_end(query[end:], tuple(end_tokens)))
    return found, responses


def answer(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What OpenRLHF's client reads; the parts of a row are logged by their names."""
    rewards = [row["reward"] for row in rows]
    return {
        "rewards": rewards,
        "scores": rewards,
        "extra_logs": logged_parts(rows),
        "model": rows[0]["model"] if rows else None,
    }


def _prompt_end(query: str, prompt: str) -> int | None:
    """Where the prompt ends in a query that begins with it, or with its end; None if neither."""
    begin, is_whole, _ = query.partition(prompt) if prompt else ("", " ", "")
    token = begin.strip()
    if (
        is_whole
        and len(token) <= LONGEST_BEGIN_TOKEN
        and token[:1] + token[-1:] in ("<>", "[]", "")
    ):
        return len(begin) + len(prompt)
    torn = len(query) - len(query.lstrip("\ufffd"))  # a character whose first bytes were cut off
    kept = _overlap(prompt, query[torn:])
    return torn + kept if kept >= LEAST_KEPT else None


def _overlap(text: str, beginning: str) -> int:
    """Length of the longest end of `text` that is a beginning of `beginning`.

    Knuth, Morris and Pratt 1977, "Fast Pattern Matching in Strings", section 2.
    """
    pattern = beginning[: len(text)]
    borders = [0] * len(pattern)
    matched = 0
    for place in range(1, len(pattern)):
        while matched and pattern[place] != pattern[matched]:
            matched = borders[matched - 1]
        matched += pattern[place] == pattern[matched]
        borders[place] = matched
    matched = 0
    for character in text:
        while matched and (matched == len(pattern) or character != pattern[matched]):
            matched = borders[matched - 1]
        matched += bool(pattern) and character == pattern[matched]
    return matched
