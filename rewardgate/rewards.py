"""The reward that PPO receives: the normalised RM score, and rules that it cannot buy back."""

import math
import re
from dataclasses import dataclass

from rewardgate.metrics import EPSILON
from rewardgate.settings import Rewards

WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Reward:
    """A composed reward and its parts: total = rm - length_penalty - repetition_penalty, but
    `floor` where the hard rule fails; each part is already weighted."""

    total: float
    rm: float
    length_penalty: float
    repetition_penalty: float
    readable: bool


def length_penalty(tokens: int, min_tokens: int, max_tokens: int, width_tokens: float) -> float:
    """0 inside [min_tokens, max_tokens], rising smoothly outside towards 1.

    tanh(excess / width_tokens): linear just outside the band, bounded by 1 far from it.
    """
    excess = max(min_tokens - tokens, tokens - max_tokens, 0)
    return math.tanh(excess / width_tokens)


def repetition_penalty(text: str, n: int, free_share: float) -> float:
    """Share of a text's word n-grams that repeat an earlier one, above a free share, in [0, 1].

    The share of repeats is 1 - distinct-n of Li et al. 2016, section 5.3.
    """
    words = WORD.findall(text.casefold())
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    if not grams:
        return 0.0
    repeated = 1 - len(set(grams)) / len(grams)
    return max(0.0, repeated - free_share) / (1 - free_share) if free_share < 1 else 0.0


def is_readable(text: str) -> bool:
    """The hard rule: a response holds at least one letter or digit, and mostly printable text."""
    printable = sum(character.isprintable() or character.isspace() for character in text)
    return WORD.search(text) is not None and printable >= 0.9 * len(text)


def compose(
    score: float, text: str, tokens: int, mean: float, std: float, settings: Rewards
) -> Reward:
    """The mixed reward of one response.

    score: raw RM score; mean, std: of the calibration set; tokens: length of the response
    The RM part is clipped to +-rm_clip standard deviations, so no score outweighs the rules by
    more than that; a response that fails the hard rule gets `floor` whatever its score.
    """
    normalised = (score - mean) / (std + EPSILON)
    rm = settings.rm_weight * min(max(normalised, -settings.rm_clip), settings.rm_clip)
    length = repetition = 0.0
    if (rule := settings.length_penalty) is not None:
        length = rule.weight * length_penalty(
            tokens, rule.min_tokens, rule.max_tokens, rule.width_tokens
        )
    if (gram := settings.repetition_penalty) is not None:
        repetition = gram.weight * repetition_penalty(text, gram.n, gram.free_share)
    readable = is_readable(text)
    total = max(rm - length - repetition, settings.floor) if readable else settings.floor
    return Reward(total, rm, length, repetition, readable)
