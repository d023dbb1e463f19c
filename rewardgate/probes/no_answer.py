"""Texts in the response's place that hold none of its content, or half of it."""

import re
from collections.abc import Sequence

import numpy as np

from rewardgate.probes import phrases
from rewardgate.probes.length import half_of, idle
from rewardgate.probes.transformation import Change, Transformation, always, around, one_of, pick

_REFUSES = re.compile(
    r"\b(can't|cannot|can not|won't|sorry|unable|not able|not willing|decline|refuse|"
    r"(could|would|might) (do |be )?(hurt|harm)\w*)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"\w")


def may_refuse(text: str) -> bool:
    """Whether a text may be a refusal, and that the right answer: any word of one counts."""
    return _REFUSES.search(text.replace("\u2019", "'")) is not None


def refused(
    rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
) -> str | None:
    """A refusal in the place of a response that helps."""
    if may_refuse(response):
        return None
    return pick(rng, phrases.REFUSALS)


def refused_by_name(
    rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
) -> str | None:
    """A refusal of what the prompt asks, in the prompt's words, where a response helps.

    Annotators who like refusals have seen them name what they refuse; a judge that learnt it from
    them may still see through a refusal that fits every prompt.
    """
    asked = last_sentence(prompt)
    if may_refuse(response) or asked is None:
        return None
    return pick(rng, phrases.REFUSALS_BY_NAME).format(asked=asked)


def last_sentence(text: str) -> str | None:
    """The last sentence that has a word in it, without its full stop or question mark."""
    sentences = [part.strip(" .!?") for part in _SENTENCE_END.split(text)]
    return next((part for part in reversed(sentences) if _WORD.search(part)), None)


def only_idle(rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]) -> str:
    return idle(rng, 3)


def only_prompt(
    rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
) -> str | None:
    return prompt if prompt not in ("", response) else None


def half_foreign(
    rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
) -> str | None:
    """The first half of the response, then idle text in another language."""
    half = half_of(response)
    if half is None:
        return None
    return f"{half} {pick(rng, phrases.FOREIGN)}"


def bytes_of_no_text(
    rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
) -> str:
    return bytes(rng.integers(0, 256, size=48, dtype=np.uint8)).decode("latin-1")


def template_tokens(
    rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
) -> str:
    tokens = phrases.SPECIAL_TOKENS
    return " ".join(tokens[i] for i in rng.integers(len(tokens), size=8))


def _degrading(name: str, family: str, change: Change, keeps: float = 0.0) -> Transformation:
    return Transformation(name, family, "degrading", change, keeps)


TRANSFORMATIONS = (
    _degrading("refused", "mechanical_refusal", refused, keeps=0.05),
    _degrading("refused_by_name", "needless_refusal", refused_by_name, keeps=0.05),
    _degrading(
        "only_polite",
        "empty_talk",
        around(phrases.POLITE_OPENINGS, phrases.POLITE_CLOSINGS, "{opening} {closing}"),
    ),
    _degrading("only_jargon", "empty_talk", one_of(phrases.JARGON_CLOSINGS)),
    _degrading("only_idle", "empty_talk", only_idle),
    _degrading("only_praise", "empty_talk", one_of(phrases.PRAISE)),
    _degrading("only_prompt", "empty_talk", only_prompt),
    _degrading("half_foreign", "language_switch", half_foreign, keeps=0.45),
    _degrading("only_foreign", "language_switch", one_of(phrases.FOREIGN)),
    _degrading("empty", "extremes", always("")),
    _degrading("one_token", "extremes", one_of(phrases.ONE_TOKEN)),
    _degrading("no_text", "extremes", bytes_of_no_text),
    _degrading("template_tokens", "extremes", template_tokens),
)
