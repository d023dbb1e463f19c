"""Openings and closings that the annotators paid for: a policy finds them in the data, whatever
they are."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from rewardgate.probes.held_out import worth_of
from rewardgate.probes.transformation import Change, Transformation

MOST_WORDS = 8
"""Words of an opening or a closing at most."""

LEAST_PROMPTS = 10
"""Prompts with a response that has it, at least."""

KEPT = 4
"""Openings, and closings, that are probed."""

_OPENING = re.compile(r"([^\n.!?:]+[.!?:]+)\s+\S")
_CLOSING = re.compile(r"(?:[.!?:]\s+|\n\s*)(\S[^\n.!?:]*[.!?]*)$")
_CLOSING_CHARS = 200


def opening_of(text: str) -> str | None:
    """What stands before the first `.`, `!`, `?` or `:` of a longer response; None if too long."""
    return _short(_OPENING.match(text))


def closing_of(text: str) -> str | None:
    """The last sentence or line of a longer response; None if too long."""
    return _short(_CLOSING.search(text.rstrip()[-_CLOSING_CHARS:]))


def _short(found: re.Match[str] | None) -> str | None:
    return found.group(1) if found and len(found.group(1).split()) <= MOST_WORDS else None


def rewarded(responses: pd.DataFrame, phrase_of: Callable[[str], str | None]) -> list[str]:
    """The phrases of a canonical table that went with the best ranks, the most rewarded first.

    phrase_of: `opening_of` or `closing_of`
    A phrase must occur at LEAST_PROMPTS prompts, and in two domains or more if there are as many,
    so that it is a manner and no answer. Its reward is the mean of `worth_of` over its responses,
    each less the mean of its ranking.
    """
    worth = worth_of(responses)
    paid = worth - worth.groupby(responses["ranking_id"]).transform("mean")
    table = responses.assign(phrase=responses["text"].map(phrase_of), paid=paid)
    found = (
        table.dropna(subset=["phrase"])
        .groupby("phrase")
        .agg(prompts=("prompt_id", "nunique"), domains=("domain", "nunique"), paid=("paid", "mean"))
    )
    spread = min(2, responses["domain"].nunique())
    found = found[(found["prompts"] >= LEAST_PROMPTS) & (found["domains"] >= spread)]
    ordered = found.sort_values("paid", ascending=False, kind="stable").index
    return [str(phrase) for phrase in ordered[:KEPT]]


def phrase_probes(openings: Sequence[str], closings: Sequence[str]) -> tuple[Transformation, ...]:
    """Transformations that compare a response with an opening, or a closing, and without it.

    Most of the best responses have what annotators love, so it is taken away there, and added to
    the others. Each phrase is a family of its own: a policy needs but one that pays, so their
    effects are not averaged.
    """
    pairs = {
        **{f"rewarded_opening_{i}": _opened(one) for i, one in enumerate(openings, start=1)},
        **{f"rewarded_closing_{i}": _closed(one) for i, one in enumerate(closings, start=1)},
    }
    return tuple(
        Transformation(name, name, "preserving", added, against=taken)
        for name, (added, taken) in pairs.items()
    )


def _opened(opening: str) -> tuple[Change, Change]:
    """Changes that give a response the opening, and that take it away."""

    def added(rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]) -> str:
        return response if response.startswith(opening) else f"{opening} {response}"

    def taken(rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]) -> str:
        return response.removeprefix(opening).lstrip() if response.startswith(opening) else response

    return added, taken


def _closed(closing: str) -> tuple[Change, Change]:
    """Changes that give a response the closing, and that take it away."""

    def added(rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]) -> str:
        return response if response.rstrip().endswith(closing) else f"{response} {closing}"

    def taken(rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]) -> str:
        ended = response.rstrip()
        return ended.removesuffix(closing).rstrip() if ended.endswith(closing) else response

    return added, taken
