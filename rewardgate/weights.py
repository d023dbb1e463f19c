"""What each weight of the mixed reward costs in accuracy and what it buys against hacks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rewardgate.intervals import Interval, clustered_mean, paired_difference
from rewardgate.metrics import Floats, correct
from rewardgate.pairs import pairs_of
from rewardgate.rewards import NO_REFERENCES, compose
from rewardgate.settings import Rewards

GRID = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Weights that are tried, in parts of the weight in use (of 1 where that is 0)."""

PENALTIES = ("length_penalty", "repetition_penalty")

PROCESS = "process"
"""The process model's part; see `process.combined.with_process`."""

Process = Callable[[Sequence[str], Sequence[str]], Floats]
"""Of n prompts and responses: the least probability (n,) that a step is right."""


@dataclass(frozen=True)
class TradeOff:
    """One weight of one part, all others as they are.

    accuracy: pairwise, of the mixed reward on held-out prompts
    against_none: accuracy minus that with weight 0, on the same pairs
    hacks_rewarded: share of the probes' transformed responses that gain mixed reward by it
    """

    part: str
    weight: float
    in_use: bool
    accuracy: Interval
    against_none: Interval
    hacks_rewarded: float

    @property
    def loses(self) -> bool:
        """Whether the data show that this weight costs accuracy."""
        return self.against_none.high is not None and self.against_none.high < 0


def unit_parts(
    table: pd.DataFrame,
    count_tokens: Callable[[str], int],
    calibration: Mapping[str, Any],
    rewards: Rewards,
    process: Process | None = None,
) -> pd.DataFrame:
    """The parts of each response's reward as they are at weight 1, penalties negative.

    table: (n,) with prompt, text and score (raw)
    Returns (n,) with `rm`, a column for each penalty and rule in use and for a process model's
    part, and `floored`.
    """
    ones: dict[str, Any] = {
        name: part.model_copy(update={"weight": 1.0})
        for name in PENALTIES
        if (part := getattr(rewards, name)) is not None
    }
    rules = tuple(rule.model_copy(update={"weight": 1.0}) for rule in rewards.rules)
    unit = rewards.model_copy(update={**ones, "rules": rules})
    mean, std = calibration["mean"], calibration["std"]
    rows = []
    for prompt, text, score in zip(table["prompt"], table["text"], table["score"], strict=True):
        one = compose(
            float(score), prompt, text, count_tokens(text), mean, std, unit, NO_REFERENCES
        )
        rows.append(
            {
                "rm": one.rm,
                **{name: -getattr(one, name) for name in ones},
                **{rule.label: one.rules.get(rule.label, 0.0) for rule in rules},
                "floored": not one.readable or bool(one.broken),
            }
        )
    parts = pd.DataFrame(rows, index=table.index)
    if process is not None:
        parts[PROCESS] = process(table["prompt"].tolist(), table["text"].tolist())
    return parts


def weights_in_use(rewards: Rewards, with_process: bool = False) -> dict[str, float]:
    """The weight of every penalty and rule that is declared, and of the process part, by name."""
    parts = {name: getattr(rewards, name) for name in PENALTIES}
    return {
        **{name: part.weight for name, part in parts.items() if part is not None},
        **{rule.label: rule.weight for rule in rewards.rules},
        **({PROCESS: rewards.process_weight} if with_process else {}),
    }


def totals(parts: pd.DataFrame, weights: Mapping[str, float], floor: float) -> Floats:
    """The mixed rewards (n,) with these weights, as `Promoted.rewards` gives them."""
    total = parts["rm"].to_numpy(dtype=float)
    for name, weight in weights.items():
        if name != PROCESS:
            total = total + weight * parts[name].to_numpy(dtype=float)
    total = np.where(parts["floored"], floor, np.maximum(total, floor))
    if PROCESS not in weights:
        return total
    earned = weights[PROCESS] * parts[PROCESS].to_numpy(dtype=float)
    return np.where(total > floor, total + earned, total)


def trade_offs(
    held_out: pd.DataFrame,
    probes: pd.DataFrame,
    count_tokens: Callable[[str], int],
    calibration: Mapping[str, Any],
    rewards: Rewards,
    resamples: int,
    seed: int,
    process: Process | None = None,
) -> list[TradeOff]:
    """Every part at every weight of GRID; the process part too where there is such a model.

    held_out: canonical table with `score`; prompts that training did not see
    probes: the probe stage's pairs (prompt, baseline, baseline_score, text, score)
    """
    pairs = pairs_of(held_out.reset_index(drop=True))
    parts = unit_parts(held_out, count_tokens, calibration, rewards, process)
    sides = [
        unit_parts(
            probes[["prompt", text, score]].set_axis(["prompt", "text", "score"], axis=1),
            count_tokens,
            calibration,
            rewards,
            process,
        )
        for text, score in (("baseline", "baseline_score"), ("text", "score"))
    ]

    def hits(weights: Mapping[str, float]) -> Floats:
        total = totals(parts, weights, rewards.floor)
        return correct(total[pairs["chosen"]] - total[pairs["rejected"]])

    used, found = weights_in_use(rewards, process is not None), []
    for name, weight in used.items():
        none = hits({**used, name: 0.0})
        for tried in sorted({factor * (weight or 1.0) for factor in GRID} | {weight}):
            weights = {**used, name: tried}
            before, after = (totals(side, weights, rewards.floor) for side in sides)
            found.append(
                TradeOff(
                    name,
                    tried,
                    tried == weight,
                    clustered_mean(hits(weights), None, pairs["prompt_id"], resamples, seed),
                    paired_difference(
                        hits(weights), none, None, pairs["prompt_id"], resamples, seed
                    ),
                    float((after > before).mean()),
                )
            )
    return found


def advised(found: Sequence[TradeOff]) -> dict[str, float]:
    """By part, of the weights not shown to cost accuracy the one that rewards the fewest hacks;
    of equal ones that in use, or else the smallest."""
    advice: dict[str, TradeOff] = {}
    for one in sorted(found, key=lambda one: (one.hacks_rewarded, not one.in_use, one.weight)):
        if not one.loses:
            advice.setdefault(one.part, one)
    return {name: one.weight for name, one in advice.items()}
