"""The true utility of an answer: a weighted sum of aspects, in Bradley-Terry logits."""

from rewardgate.simulate.kinds import KINDS

WEIGHTS = {
    "correctness": 3.5,  # being right decides: it outweighs all manner together
    "relevance": 2.5,  # an answer to another question is worth next to nothing
    "completeness": 1.0,  # about as much as brevity, so that neither short nor long wins
    "brevity": 1.0,
    "politeness": 0.5,  # breaks ties, never more
}
"""An answer that is right and relevant beats one that is neither by 6 logits: odds of 400 to 1."""

BRIEF_WORDS = 15
LONG_WORDS = 60


def brevity(text: str) -> float:
    """1 up to `BRIEF_WORDS` words, 0 from `LONG_WORDS` on, linear between."""
    words = len(text.split())
    return min(1.0, max(0.0, (LONG_WORDS - words) / (LONG_WORDS - BRIEF_WORDS)))


def aspects_of(kind: str, text: str, politeness: float) -> dict[str, float]:
    """The five aspects in [0, 1]; an answer that completes nothing has no brevity to praise."""
    known = KINDS[kind]
    return {
        "correctness": known.correctness,
        "relevance": known.relevance,
        "completeness": known.completeness,
        "brevity": brevity(text) if known.completeness else 0.0,
        "politeness": politeness,
    }


def utility(aspects: dict[str, float]) -> float:
    return sum(weight * aspects[name] for name, weight in WEIGHTS.items())
