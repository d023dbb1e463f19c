"""The combined reward: the whole response, its steps, and the rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from rewardgate.bundle import Promoted, load_promoted
from rewardgate.granularity.prefixes import score_prefixes
from rewardgate.granularity.steps import step_ends
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


def process_credit(probabilities: Floats, weight: float) -> Floats:
    """Rewards (k,) of k steps from the probabilities that they are right; sum: weight * least.

    A solution is as good as its worst step (Wang et al. 2024, "Math-Shepherd", section 3.4), so a
    step is charged what it lowers the least probability by: the first error pays, and neither more
    steps nor right ones after an error earn anything (Cheng et al. 2025, "Stop Summation").
    """
    return weight * np.diff(np.minimum.accumulate(probabilities), prepend=0.0)


@dataclass(frozen=True)
class Combined:
    """A promoted bundle and a process model, whose part weighs `weight`, in units of the reward."""

    promoted: Promoted
    process: RewardModel
    weight: float

    def rewards(
        self,
        prompts: Sequence[str],
        responses: Sequence[str],
        references: Sequence[Any] | None = None,
    ) -> list[dict[str, Any]]:
        """The rows of `Promoted.rewards` with the process part in them.

        process: weight * the least probability that a step is right; `reward` includes it
        steps: where each step ends, its probability and its reward; their rewards sum to `reward`.
            Besides what the process model says of a step it is what the bundle gives to it under
            `granularity: step`, else all of the bundle's reward is the last step's.
        A response at the floor stays there: no step buys back a hard rule.
        Raises what `Promoted.rewards` raises.
        """
        rows = self.promoted.rewards(prompts, responses, references)
        ends = [step_ends(text) for text in responses]
        probabilities = step_probabilities(self.process, prompts, responses, ends)
        return [self._combined(*one) for one in zip(rows, ends, probabilities, strict=True)]

    def _combined(
        self, row: dict[str, Any], ends: Sequence[int], probabilities: Floats
    ) -> dict[str, Any]:
        at_floor = row["reward"] <= self.promoted.composition.floor
        earned = process_credit(probabilities, 0.0 if at_floor else self.weight)
        given = np.zeros(len(ends))
        given[-1] = row["reward"]
        if "steps" in row:
            given = np.array([step["reward"] for step in row["steps"]])
        steps = [
            {"end": end, "right": float(right), "reward": float(reward)}
            for end, right, reward in zip(ends, probabilities, given + earned, strict=True)
        ]
        process = float(earned.sum())
        kept = {name: value for name, value in row.items() if name != "tokens"}
        return {**kept, "reward": row["reward"] + process, "process": process, "steps": steps}


def load_combined(promoted: str | Path, process: str | Path, weight: float) -> Combined:
    """Load a promoted bundle as `load_promoted` does, and a process model beside it.

    process: the folder of a process model, as models/process. The gate judged the bundle; it did
        not judge this.
    """
    return Combined(load_promoted(promoted), RewardModel.load(process), weight)
