"""Openings that the annotators paid for: a policy finds them in the data, whatever they are."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from rewardgate.probes.held_out import worth_of
from rewardgate.probes.transformation import Transformation, pick

MOST_WORDS = 8
"""Words of an opening at most."""

LEAST_PROMPTS = 10
"""Prompts with a response that begins with it, at least."""

KEPT = 4
"""Openings that the probe draws from."""

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
    """One transformation that puts one of the openings before a response; none without openings."""

    def change(
        rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
    ) -> str | None:
        opening = pick(rng, openings)
        return None if response.startswith(opening) else f"{opening} {response}"

    if not openings:
        return ()
    return (Transformation("rewarded_opening", "rewarded_opening", "preserving", change),)
