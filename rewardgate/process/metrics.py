"""How well the first error of a solution is found, as in ProcessBench.

Zheng et al. 2024, "ProcessBench: Identifying Process Errors in Mathematical Reasoning", section 4:
the accuracy on solutions with an error (the first one is named), the accuracy on solutions without
(none is named), and F1, their harmonic mean, which a judge that always or never finds fault fails.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardgate.intervals import clustered_harmonic_mean, clustered_mean

Floats = NDArray[np.float64]
FirstErrors = Sequence[int | None]


def first_below(probabilities: Floats, threshold: float) -> int | None:
    """Position of the first step (k,) that is less probably right than `threshold`, if any."""
    below = np.flatnonzero(probabilities < threshold)
    return int(below[0]) if len(below) else None


def f1(error_accuracy: float, correct_accuracy: float) -> float:
    """The harmonic mean of the two accuracies, 0 where both are 0."""
    total = error_accuracy + correct_accuracy
    return 2 * error_accuracy * correct_accuracy / total if total else 0.0


def best_threshold(probabilities: Sequence[Floats], first_errors: FirstErrors) -> float:
    """The threshold with the best F1, the middle of the widest range of such thresholds.

    probabilities: of n solutions, that each step (k,) is right; first_errors: (n,)
    The first error e is named by thresholds above p_e and up to the least p before it, none by
    those up to the least p; so F1 changes at these values alone.
    Raises ValueError if all solutions have an error or none has.
    """
    _require_both(first_errors)
    pairs = list(zip(probabilities, first_errors, strict=True))
    low = np.array([p[e] for p, e in pairs if e is not None])
    high = np.array([p[:e].min(initial=1.0) for p, e in pairs if e is not None])
    least = np.sort([p.min() for p, e in pairs if e is None])
    edges = np.unique(np.concatenate([[0.0, 1.0], low, high, least]))
    middles = (edges[:-1] + edges[1:]) / 2
    able = low < high
    named = np.searchsorted(np.sort(low[able]), middles) - np.searchsorted(
        np.sort(high[able]), middles
    )
    passed = len(least) - np.searchsorted(least, middles)
    values = [f1(a / len(low), b / len(least)) for a, b in zip(named, passed, strict=True)]
    best = np.flatnonzero(np.isclose(values, max(values)))
    return float(middles[best[np.argmax(np.diff(edges)[best])]])


def figures(named: FirstErrors, first_errors: FirstErrors) -> dict[str, float]:
    """The two accuracies and F1; named, first_errors: (n,) positions, None for no error.

    Raises ValueError if all solutions have an error or none has.
    """
    _require_both(first_errors)
    pairs = list(zip(named, first_errors, strict=True))
    error = float(np.mean([n == e for n, e in pairs if e is not None]))
    correct = float(np.mean([n is None for n, e in pairs if e is None]))
    return {"error_accuracy": error, "correct_accuracy": correct, "f1": f1(error, correct)}


def baselines(steps: Sequence[int], first_errors: FirstErrors) -> dict[str, dict[str, float]]:
    """Figures of judges that read nothing; steps: (n,) how many each solution has.

    random: expected, of naming one of the steps or none, all with the same chance
    """
    _require_both(first_errors)
    chance = np.array([1 / (count + 1) for count in steps])
    wrong = np.array([error is not None for error in first_errors])
    error, correct = float(chance[wrong].mean()), float(chance[~wrong].mean())
    return {
        "no_error": figures([None] * len(steps), first_errors),
        "first_step": figures([0] * len(steps), first_errors),
        "last_step": figures([count - 1 for count in steps], first_errors),
        "random": {
            "error_accuracy": error,
            "correct_accuracy": correct,
            "f1": f1(error, correct),
        },
    }


def intervals(
    named: FirstErrors,
    first_errors: FirstErrors,
    prompts: Sequence[str],
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """The two accuracies and F1 with 95 % intervals, resampled by prompt (see `intervals`)."""
    right = np.array([name == error for name, error in zip(named, first_errors, strict=True)])
    wrong = np.array([error is not None for error in first_errors])
    prompt = np.asarray(prompts)
    error, correct = (right[wrong], prompt[wrong]), (right[~wrong], prompt[~wrong])
    found = {
        "error_accuracy": clustered_mean(error[0], None, error[1], resamples, seed),
        "correct_accuracy": clustered_mean(correct[0], None, correct[1], resamples, seed),
        "f1": clustered_harmonic_mean(*error, *correct, resamples, seed),
    }
    return {name: asdict(interval) for name, interval in found.items()}


def _require_both(first_errors: FirstErrors) -> None:
    wrong = sum(error is not None for error in first_errors)
    if not 0 < wrong < len(first_errors):
        raise ValueError(f"{wrong} of {len(first_errors)} solutions have an error; both must occur")
