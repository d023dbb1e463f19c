"""Prompts and responses as trainers hand them over: texts, or messages of a conversation."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rewardgate.end_tokens import without_end
from rewardgate.errors import RewardGateError
from rewardgate.formats import Unusable, prompt_as_text
from rewardgate.normalise import stored_form

Messages = Iterable[Mapping[str, Any]]


def prompt_text(prompt: str | Messages, place: str) -> str:
    """A text as it is; messages as ingest makes text of them (see `rewardgate.formats`).

    place: named in the error
    Raises RewardGateError if a message has no role or no content that is text.
    """
    if isinstance(prompt, str):
        return prompt
    try:
        return stored_form(prompt_as_text(list(prompt)))
    except Unusable as fault:
        raise RewardGateError(f"{place}: {fault}; give every message role and content") from None


def response_text(response: str | Messages, end_tokens: Sequence[str], place: str) -> str:
    """A text, or the content of one assistant message, without the end tokens that it ends in.

    Raises RewardGateError if the messages are not one by the assistant, as ingest asks, with text.
    """
    if isinstance(response, str):
        return without_end(response, tuple(end_tokens))
    messages = list(response)
    if [message.get("role") for message in messages] != ["assistant"]:
        roles = ", ".join(str(message.get("role")) for message in messages) or "nobody"
        raise RewardGateError(
            f"{place}: must be one assistant message, and its messages are from {roles}; "
            "reward tool use and other turns by a function of your own"
        )
    content = messages[0].get("content")
    if not isinstance(content, str):
        raise RewardGateError(f"{place}: its content must be text, not {type(content).__name__}")
    return without_end(content, tuple(end_tokens))
