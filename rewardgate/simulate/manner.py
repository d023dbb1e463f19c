"""Polite and curt ways to dress an answer; they say nothing about whether it is right."""

from typing import NamedTuple

import numpy as np

from rewardgate.simulate.task import Candidate, pick

NEUTRAL = 0.5
POLITE_SHARE = 0.15
CURT_SHARE = 0.07

_POLITE = ("Certainly. ", "Gladly. ", "Of course. ", "With pleasure. ", "Good question. ")
_CURT = ("Obviously, ", "As anyone knows: ", "Look it up yourself next time. ", "Really? ")
_BARE_KINDS = {"near_empty", "echo", "template", "repeated_template", "jargon"}


class Dressed(NamedTuple):
    kind: str
    text: str
    politeness: float


def dress(rng: np.random.Generator, candidate: Candidate, bare: bool) -> Dressed:
    """Put a polite or curt opening before some answers, none if `bare`."""
    roll = rng.random()
    if bare or candidate.kind in _BARE_KINDS or roll >= POLITE_SHARE + CURT_SHARE:
        return Dressed(candidate.kind, candidate.text, NEUTRAL)
    polite = roll < POLITE_SHARE
    opening = pick(rng, _POLITE if polite else _CURT)
    return Dressed(candidate.kind, opening + candidate.text, 1.0 if polite else 0.0)
