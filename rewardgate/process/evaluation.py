"""The report on a process model: the first errors that it finds in held-out solutions."""

from collections.abc import Sequence
from typing import Any

from rewardgate.errors import RewardGateError
from rewardgate.process.combined import step_probabilities
from rewardgate.process.data import Solution
from rewardgate.process.metrics import baselines, best_threshold, figures, first_below, intervals
from rewardgate.reward_model import RewardModel


def evaluate_steps(
    model: RewardModel,
    calibration: Sequence[Solution],
    test: Sequence[Solution],
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """ProcessBench's figures on `test`, with the threshold that is best on `calibration`.

    Raises RewardGateError if in either set all solutions have an error or none has.
    """
    errors = {}
    for name, solutions in (("calibration", calibration), ("test", test)):
        errors[name] = [solution.first_error for solution in solutions]
        wrong = sum(error is not None for error in errors[name])
        if not 0 < wrong < len(solutions):
            raise RewardGateError(
                f"process: {wrong} of the {len(solutions)} solutions of the {name} split have an "
                "error; give process.inputs solutions with and without"
            )
    threshold = best_threshold(_probabilities(model, calibration), errors["calibration"])
    named = [first_below(one, threshold) for one in _probabilities(model, test)]
    wrong = sum(error is not None for error in errors["test"])
    prompts = [solution.prompt for solution in test]
    return {
        "threshold": threshold,
        "prompts": len(set(prompts)),
        "with_error": wrong,
        "without_error": len(test) - wrong,
        "test": figures(named, errors["test"]),
        "intervals": intervals(named, errors["test"], prompts, resamples, seed),
        "baselines": baselines([len(solution.steps) for solution in test], errors["test"]),
    }


def _probabilities(model: RewardModel, solutions: Sequence[Solution]) -> list[Any]:
    return step_probabilities(
        model,
        [solution.prompt for solution in solutions],
        [solution.response for solution in solutions],
        [solution.ends for solution in solutions],
    )
