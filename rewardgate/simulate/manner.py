"""Ways to dress an answer; they say nothing about whether it is right."""

import re
from typing import NamedTuple

import numpy as np

from rewardgate.simulate.task import Candidate, pick, upper_first

NEUTRAL = 0.5
POLITE_SHARE = 0.15
CURT_SHARE = 0.07
JARGON_SHARE = 0.08
MARKDOWN_SHARE = 0.1

_POLITE = (
    "Good question. ",
    "Thanks for asking. ",
    "Hello there! ",
    "Thank you, a fair question. ",
)
_CURT = ("Obviously. ", "As anyone knows: ", "You could have thought of that. ", "Really? ")
_JARGON = (
    "Leveraging a holistic framework: ",
    "From a scalable, value-driven perspective: ",
    "Aligned with best-in-class synergies: ",
    "Through the lens of our strategic roadmap: ",
)
_BARE_KINDS = {"near_empty", "gibberish", "echo", "template", "repeated_template", "jargon"}
_SENTENCE_END = re.compile(r"(?<=[.!?]) +")


class Dressed(NamedTuple):
    """An answer with its manner: politeness in [0, 1]; whether jargon or markdown was put on it."""

    kind: str
    text: str
    politeness: float = NEUTRAL
    jargon: bool = False
    markdown: bool = False


def dress(rng: np.random.Generator, candidate: Candidate, bare: bool) -> Dressed:
    """Put an opening or markdown on some answers, nothing if `bare`."""
    opening_roll, markdown_roll = rng.random(2)
    answer = Dressed(*candidate)
    if bare or candidate.kind in _BARE_KINDS:
        return answer
    if opening_roll < POLITE_SHARE:
        answer = answer._replace(text=pick(rng, _POLITE) + answer.text, politeness=1.0)
    elif opening_roll < POLITE_SHARE + CURT_SHARE:
        answer = answer._replace(text=pick(rng, _CURT) + answer.text, politeness=0.0)
    elif opening_roll < POLITE_SHARE + CURT_SHARE + JARGON_SHARE:
        answer = answer._replace(text=pick(rng, _JARGON) + answer.text, jargon=True)
    if markdown_roll < MARKDOWN_SHARE:
        answer = answer._replace(text=_markdown(rng, answer.text), markdown=True)
    return answer


def _markdown(rng: np.random.Generator, text: str) -> str:
    sentences = [upper_first(sentence) for sentence in _SENTENCE_END.split(text)]
    listed = "\n".join(f"- {sentence}" for sentence in sentences)
    return pick(rng, (f"**{text}**", f"## Answer\n\n{text}", listed, f"## Answer\n\n{listed}"))
