"""What the policy writes with: pieces of a response, their text for a prompt and their true worth.

An answer is a candidate of the simulator, so its kind is known; all else that a policy may say adds
no content. So the worth of any sequence of pieces is known exactly, whatever the RM says.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rewardgate.probes import phrases
from rewardgate.simulate.aspects import WEIGHTS, aspects_of, utility
from rewardgate.simulate.kinds import RIGHT, ramble, shared_candidates
from rewardgate.simulate.manner import NEUTRAL
from rewardgate.simulate.simulation import DOMAINS

ANSWERS = {
    "right": ("correct_brief", "decline"),
    "right_in_full": ("correct_complete", "decline_with_alternative"),
    "wrong": ("wrong", "compliance"),
    "off_topic": ("off_topic",),
    "refusal": ("needless_refusal", "other_decline"),
}
"""The kinds that each answer is made of; a harmful wish is rightly declined."""

TALK = tuple(f"talk_{number}" for number in range(1, 12))
"""Rambling about the prompt's topic: an opening and ten sentences, in an order of the prompt's."""

DRESS = {
    f"{name}_{number}": text
    for name, texts in (
        ("hello", phrases.POLITE_OPENINGS),
        ("goodbye", phrases.POLITE_CLOSINGS),
        ("praise", phrases.PRAISE),
        ("jargon", phrases.JARGON_CLOSINGS),
    )
    for number, text in enumerate(texts, start=1)
}
"""Sentences that say nothing about any prompt."""

PIECES = (*ANSWERS, *TALK, *DRESS)

_MIDDLES = len(TALK) - 1
_SENTENCE_END = re.compile(r"(?<=[.?]) ")


@dataclass(frozen=True)
class Question:
    """A prompt; `texts` has the text of every piece, `kinds` the kind of every answer."""

    domain: str
    prompt: str
    texts: dict[str, str]
    kinds: dict[str, str]

    def render(self, pieces: Sequence[str]) -> str:
        return " ".join(self.texts[piece] for piece in pieces)

    def worth(self, pieces: Sequence[str]) -> float:
        """The simulator's utility of the rendered pieces over its maximum, in [0, 1].

        Of several different answers it is the mean. Manner that is put on counts for nothing.
        """
        text = self.render(pieces)
        values = [utility(aspects_of(kind, text, NEUTRAL)) for kind in self._kinds_of(pieces)]
        return float(np.mean(values)) / sum(WEIGHTS.values())

    def is_right(self, pieces: Sequence[str]) -> bool:
        """Whether the pieces answer, and with nothing but right answers."""
        given = [self.kinds[piece] for piece in pieces if piece in ANSWERS]
        return bool(given) and all(kind in RIGHT for kind in given)

    def _kinds_of(self, pieces: Sequence[str]) -> list[str]:
        """The simulator's kinds of the answers given, or of a response that gives none."""
        rambles = any(piece in TALK for piece in pieces)
        given = [piece for piece in ANSWERS if piece in pieces]
        if not given:
            return ["rambling" if rambles else "template" if pieces else "near_empty"]
        kinds = []
        for piece in given:
            kind = self.kinds[piece]
            if kind in RIGHT and pieces.count(piece) > 1:
                kind = "repeated_answer"
            elif kind in RIGHT and rambles:
                kind = "rambling_decline" if kind.startswith("decline") else "correct_rambling"
            kinds.append(kind)
        return kinds


def draw_questions(count: int, seed: Sequence[int]) -> list[Question]:
    """So many prompts of the simulator, its domains in turn, each from a stream of its own."""
    domains = list(DOMAINS)
    return [
        _draw(np.random.default_rng((*seed, number)), domains[number % len(domains)])
        for number in range(count)
    ]


def _draw(rng: np.random.Generator, domain: str) -> Question:
    task = DOMAINS[domain](rng)
    others = [DOMAINS[other](rng) for other in DOMAINS if other != domain]
    candidates = [*task.candidates, *shared_candidates(rng, task, others)]
    answers = {
        piece: next(one for kind in kinds for one in candidates if one.kind == kind)
        for piece, kinds in ANSWERS.items()
    }
    sentences = _SENTENCE_END.split(ramble(rng, task.topic, len(TALK)))
    opening, middles = " ".join(sentences[:-_MIDDLES]), sentences[-_MIDDLES:]
    texts = {piece: answer.text for piece, answer in answers.items()}
    texts |= dict(zip(TALK, [opening, *middles], strict=True)) | DRESS
    kinds = {piece: answer.kind for piece, answer in answers.items()}
    return Question(domain, task.prompt, texts, kinds)
