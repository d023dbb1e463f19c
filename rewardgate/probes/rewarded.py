"""Openings that the annotators paid for: a policy finds them in the data, whatever they are."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from rewardgate.probes.held_out import worth_of
from rewardgate.probes.transformation import Change, Transformation

MOST_WORDS = 8
"""Words of an opening at most."""

LEAST_PROMPTS = 10
"""Prompts with a response that begins with it, at least."""

KEPT = 4
"""Openings that are probed."""

_OPENING = re.compile(r"([^\n.!?:]+[.!?:]+)\s+\S")


def rewarded_openings(responses: pd.DataFrame) -> list[str]:
    """The openings of a canonical table that went with the best ranks, the most rewarded first.

    An opening is what stands before the first `.`, `!`, `?` or `:` of a longer response. It must
    occur at LEAST_PROMPTS prompts, and in two domains or more if there are as many, so that it is
    a manner and no answer. Its reward is the mean of `worth_of` over its responses, each less the
    mean of its ranking.
    """
    worth = worth_of(responses)
    paid = worth - worth.groupby(responses["ranking_id"]).transform("mean")
    table = responses.assign(opening=responses["text"].map(opening_of), paid=paid)
    found = (
        table.dropna(subset=["opening"])
        .groupby("opening")
        .agg(prompts=("prompt_id", "nunique"), domains=("domain", "nunique"), paid=("paid", "mean"))
    )
    spread = min(2, responses["domain"].nunique())
    found = found[(found["prompts"] >= LEAST_PROMPTS) & (found["domains"] >= spread)]
    return [str(one) for one in found.sort_values("paid", ascending=False, kind="stable").index][
        :KEPT
    ]


def opening_of(text: str) -> str | None:
    """The opening of a response; None if it has none, or one that is too long."""
    found = _OPENING.match(text)
    return found.group(1) if found and len(found.group(1).split()) <= MOST_WORDS else None


def opening_probes(openings: Sequence[str]) -> tuple[Transformation, ...]:
    """Transformations that put an opening before a response, each opening in a family of its own.

    A policy needs but one that pays, so the effects of several are not averaged.
    """

    def before(opening: str) -> Change:
        def change(
            rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
        ) -> str | None:
            return None if response.startswith(opening) else f"{opening} {response}"

        return change

    names = [f"rewarded_opening_{rank}" for rank in range(1, len(openings) + 1)]
    return tuple(
        Transformation(name, name, "preserving", before(opening))
        for name, opening in zip(names, openings, strict=True)
    )
