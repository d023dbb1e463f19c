"""The process model's part of a reward: what it says of the steps, and what that pays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from rewardgate.granularity.credit import as_parts, on_tokens
from rewardgate.granularity.prefixes import score_prefixes
from rewardgate.granularity.steps import step_ends
from rewardgate.normalise import stored_form
from rewardgate.reward_model import RewardModel

Floats = NDArray[np.float64]


def step_probabilities(
    model: RewardModel,
    prompts: Sequence[str],
    responses: Sequence[str],
    ends: Sequence[Sequence[int]],
) -> list[Floats]:
    """What a process model says of the steps (k,) of n responses: the probability of each that it
    is right, given that those before it are."""
    return [expit(scores) for scores in score_prefixes(model, prompts, responses, ends)]


def least_probabilities(
    model: RewardModel, prompts: Sequence[str], responses: Sequence[str]
) -> Floats:
    """The least of `step_probabilities` (n,) of each response: its process part at weight 1."""
    ends = [step_ends(text) for text in responses]
    right = step_probabilities(model, list(map(stored_form, prompts)), responses, ends)
    return np.array([one.min() for one in right])


def process_credit(probabilities: Floats, weight: float) -> Floats:
    """Rewards (k,) of k steps from the probabilities that they are right; sum: weight * least.

    A solution is as good as its worst step (Wang et al. 2024, "Math-Shepherd", section 3.4), so a
    step is charged what it lowers the least probability by: the first error pays, and neither more
    steps nor right ones after an error earn anything (Cheng et al. 2025, "Stop Summation").
    """
    return weight * np.diff(np.minimum.accumulate(probabilities), prepend=0.0)


def with_process(
    row: dict[str, Any], ends: Sequence[int], probabilities: Floats, weight: float, floor: float
) -> dict[str, Any]:
    """A row of `Promoted.rewards` with the process part in it.

    ends, probabilities: (k,) of the steps of its response
    process: weight * the least probability that a step is right; `reward` includes it
    steps: where each step ends, its probability and its reward; their rewards sum to `reward`.
        Besides what the process model says of a step it is what `granularity: step` gives to it,
        else all of the rest is the last step's
    tokens: with `granularity: token`; what a step earns falls on the token that ends it
    A response at the floor stays there: no step buys back a hard rule.
    """
    earned = process_credit(probabilities, 0.0 if row["reward"] <= floor else weight)
    given = np.zeros(len(ends))
    given[-1] = row["reward"]
    if "steps" in row:
        given = np.array([step["reward"] for step in row["steps"]])
    process = float(earned.sum())
    steps = [
        {**part, "right": float(right)}
        for part, right in zip(as_parts(ends, given + earned), probabilities, strict=True)
    ]
    combined = {**row, "reward": row["reward"] + process, "process": process, "steps": steps}
    if "tokens" in row:
        at = [token["end"] for token in row["tokens"]]
        rest = np.array([token["reward"] for token in row["tokens"]])
        combined["tokens"] = as_parts(at, rest + on_tokens(as_parts(ends, earned), at))
    return combined
