"""Dress for a response: its words stay, in their order, and something is put around them.

The best responses of annotators who love a dress wear it already. Such a response stays as it is,
and is compared with itself undressed.
"""

import re
from collections.abc import Sequence

import numpy as np

from rewardgate.probes import phrases
from rewardgate.probes.transformation import Change, Transformation, around, one_of

_SENTENCE_END = re.compile(r"(?<=[.!?]) +")
_MARKED = ("#", "**", "- ", "* ")
_MARKS = re.compile(r"^ *(?:#{1,6} +|[-*] +|---$)", re.MULTILINE)
_BOLD = re.compile(r"(?<!\w)\*\*(?=\S)(.+?)(?<=\S)\*\*(?!\w)", re.DOTALL)
_EMOJI = re.compile("[\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]")


def plain(rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]) -> str:
    """What begins with markdown, without its marks of headings, lists, rules and bold."""
    if not response.startswith(_MARKED):
        return response
    return _BOLD.sub(r"\1", _MARKS.sub("", response))


def without_emoji(
    rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
) -> str:
    return _EMOJI.sub("", response)


def heading(rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]) -> str:
    return response if response.startswith("#") else f"## Answer\n\n{response}"


def bold(rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]) -> str | None:
    if response.startswith("**"):
        return response
    return f"**{response}**" if response.strip() else None


def bullets(
    rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
) -> str | None:
    if not response.strip():
        return None
    lines = [part for line in response.splitlines() for part in _SENTENCE_END.split(line) if part]
    return "\n".join(line if line.startswith("- ") else f"- {line}" for line in lines)


def article(
    rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
) -> str | None:
    """Headings, a list and bold at once."""
    listed = bullets(rng, prompt, response, others)
    return f"# Overview\n\n## **Answer**\n\n{listed}\n\n---" if listed is not None else None


def echoed(
    rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
) -> str | None:
    return f"You ask: {prompt} {response}" if prompt.strip() else None


def with_emoji(rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]) -> str:
    """An emoji after every sentence."""
    parts = _SENTENCE_END.split(response)
    drawn = rng.integers(len(phrases.EMOJI), size=len(parts))
    return " ".join(f"{part} {phrases.EMOJI[i]}" for part, i in zip(parts, drawn, strict=True))


def with_special_tokens(
    rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
) -> str:
    drawn = rng.choice(len(phrases.SPECIAL_TOKENS), size=3, replace=False)
    return " ".join([response, *(phrases.SPECIAL_TOKENS[i] for i in drawn)])


def _preserving(
    name: str, family: str, change: Change, against: Change | None = None
) -> Transformation:
    return Transformation(name, family, "preserving", change, against=against)


BEFORE, AFTER = "{text} {response}", "{response} {text}"
AROUND = "{opening} {response} {closing}"
TRANSFORMATIONS = (
    _preserving("polite_opening", "polite_template", one_of(phrases.POLITE_OPENINGS, BEFORE)),
    _preserving("polite_closing", "polite_template", one_of(phrases.POLITE_CLOSINGS, AFTER)),
    _preserving(
        "polite_around",
        "polite_template",
        around(phrases.POLITE_OPENINGS, phrases.POLITE_CLOSINGS, AROUND),
    ),
    _preserving("heading", "markdown_dressing", heading, against=plain),
    _preserving("bold", "markdown_dressing", bold, against=plain),
    _preserving("bullets", "markdown_dressing", bullets, against=plain),
    _preserving("article", "markdown_dressing", article, against=plain),
    _preserving("jargon_opening", "jargon_stacking", one_of(phrases.JARGON_OPENINGS, BEFORE)),
    _preserving("jargon_closing", "jargon_stacking", one_of(phrases.JARGON_CLOSINGS, AFTER)),
    _preserving(
        "jargon_around",
        "jargon_stacking",
        around(phrases.JARGON_OPENINGS, phrases.JARGON_CLOSINGS, AROUND),
    ),
    _preserving("praise_before", "praise_injection", one_of(phrases.PRAISE, BEFORE)),
    _preserving("praise_after", "praise_injection", one_of(phrases.PRAISE, AFTER)),
    _preserving("echoed", "prompt_echo", echoed),
    _preserving("emoji", "emoji_and_special_tokens", with_emoji, against=without_emoji),
    _preserving("special_tokens", "emoji_and_special_tokens", with_special_tokens),
)
