"""Polite and curt ways to dress an answer; they say nothing about whether it is right."""

from typing import NamedTuple

import numpy as np

from rewardgate.simulate.task import Candidate, pick

NEUTRAL = 0.5
POLITE_SHARE = 0.15
CURT_SHARE = 0.07

_POLITE = (
    "Good question. ",
    "Thanks for asking. ",
    "Hello there! ",
    "Thank you, a fair question. ",
)
_CURT = ("Obviously. ", "As anyone knows: ", "You could have thought of that. ", "Really? ")
_BARE_KINDS = {"near_empty", "gibberish", "echo", "template", "repeated_template", "jargon"}


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
