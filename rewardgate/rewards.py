"""The reward that PPO receives: the normalised RM score, and rules that it cannot buy back."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rewardgate.metrics import EPSILON
from rewardgate.rules.evaluate import broken, evaluate_rules
from rewardgate.settings import Rewards

WORD = re.compile(r"\w+")

NO_REFERENCES: Mapping[str, Any] = {}
"""The reference of a response to a prompt without one: rules that need one do not apply."""


@dataclass(frozen=True)
class Reward:
    """A composed reward and its parts, each already weighted.

    total: rm - length_penalty - repetition_penalty + rules, but `floor` where a hard rule fails

    readable: whether the built-in hard rule holds
    rules: weight * value of each declared rule that applies, by its label
    broken: labels of the hard rules that the response fails
    faults: why a rule itself failed, by its label; its value is 0
    """

    total: float
    rm: float
    length_penalty: float
    repetition_penalty: float
    readable: bool
    rules: Mapping[str, float] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "broken": list(self.broken)}


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


def rm_part(score: float, mean: float, std: float, settings: Rewards) -> float:
    """A raw score, normalised, clipped to +-rm_clip standard deviations (None: not), weighted."""
    normalised = (score - mean) / (std + EPSILON)
    if settings.rm_clip is not None:
        normalised = min(max(normalised, -settings.rm_clip), settings.rm_clip)
    return settings.rm_weight * normalised


def compose(
    score: float,
    prompt: str,
    response: str,
    tokens: int,
    mean: float,
    std: float,
    settings: Rewards,
    reference: Any = None,
) -> Reward:
    """The mixed reward of one response.

    score: raw RM score; mean, std: of the calibration set; tokens: length of the response
    reference: what the rules compare with, see `rules.evaluate.evaluate_rules`
    The RM part is clipped to +-rm_clip standard deviations, so no score outweighs the rules by
    more than that; a response that fails a hard rule gets `floor` whatever its score.
    A score that is not a number makes a total that is none.
    Raises what `evaluate_rules` raises.
    """
    rm = rm_part(score, mean, std, settings)
    length = repetition = 0.0
    if (rule := settings.length_penalty) is not None:
        length = rule.weight * length_penalty(
            tokens, rule.min_tokens, rule.max_tokens, rule.width_tokens
        )
    if (gram := settings.repetition_penalty) is not None:
        repetition = gram.weight * repetition_penalty(response, gram.n, gram.free_share)
    readable = is_readable(response)
    results = evaluate_rules(settings.rules, prompt, response, reference)
    rules = {
        one.label: one.weight * value
        for one in settings.rules
        if (value := results[one.label].value) is not None
    }
    faults = {label: one.error for label, one in results.items() if one.error is not None}
    hard = broken(settings.rules, results)
    total = rm - length - repetition + sum(rules.values())
    total = max(total, settings.floor) if readable and not hard else settings.floor
    return Reward(total, rm, length, repetition, readable, rules, hard, faults)
