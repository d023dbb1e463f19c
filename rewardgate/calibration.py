"""Fixed score statistics and the temperature that turns margins into BT logits."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from rewardgate.drift import kept_scores
from rewardgate.metrics import EPSILON, Floats, Scored, bt_log_loss
from rewardgate.settings import Calibrate


def normalise(scores: Floats, mean: float, std: float) -> Floats:
    """Standardised rewards (n,) with the fixed mean and standard deviation of a calibration set."""
    return (scores - mean) / (std + EPSILON)


def fit_temperature(margins: Floats) -> float:
    """The T > 0 that minimises the mean of -log sigmoid(margin / T) over pairs (p,).

    Guo et al. 2017, section 4.2, on a BT model's single logit. The search runs over T relative to
    the spread of the margins, so scaling all scores by c scales T by c.
    """
    spread = float(np.sqrt(np.mean(np.square(margins)))) + EPSILON
    found = minimize_scalar(
        lambda log_t: bt_log_loss(margins / (spread * np.exp(log_t))),
        bounds=(-7.0, 7.0),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(spread * np.exp(found.x))


def calibrate(scored: Scored, settings: Calibrate, seed: int) -> dict[str, Any]:
    """Mean, standard deviation and temperature of the calibration set, and how stable they are.

    score_quantiles: raw scores to compare live ones with, see rewardgate/drift.py
    """
    scores = scored.responses["score"].to_numpy(dtype=float)
    margins = scored.pairs["margin"].to_numpy(dtype=float)
    temperature = fit_temperature(margins)
    return {
        "mean": float(scores.mean()),
        "std": float(scores.std()),
        "temperature": temperature,
        "log_loss_before": bt_log_loss(margins),
        "log_loss_after": bt_log_loss(margins / temperature),
        "prompts": int(scored.responses["prompt_id"].nunique()),
        "responses": len(scores),
        "pairs": len(margins),
        "stability": stability(scored.responses, settings, seed),
        "score_quantiles": kept_scores(scores),
    }


def stability(responses: pd.DataFrame, settings: Calibrate, seed: int) -> dict[str, Any]:
    """Do two random halves of the prompts give the same mean and standard deviation?

    Over `bootstrap_halves` random halvings by prompt: the 95th percentile of the difference of
    the two means, in standard deviations of the whole set, and of the ratio of the larger to the
    smaller standard deviation.
    """
    by_prompt = responses["score"].astype(float).groupby(responses["prompt_id"], sort=True)
    sums = np.stack(
        [by_prompt.size(), by_prompt.sum(), by_prompt.apply(lambda s: np.square(s).sum())]
    ).astype(float)
    random = np.random.default_rng(seed)
    half = sums.shape[1] // 2
    shifts, ratios = [], []
    for _ in range(settings.bootstrap_halves):
        order = random.permutation(sums.shape[1])
        (mean_a, std_a), (mean_b, std_b) = (
            _mean_std(sums[:, part].sum(axis=1)) for part in (order[:half], order[half:])
        )
        shifts.append(abs(mean_a - mean_b))
        ratios.append((max(std_a, std_b) + EPSILON) / (min(std_a, std_b) + EPSILON))
    whole_std = _mean_std(sums.sum(axis=1))[1]
    return {
        "halvings": settings.bootstrap_halves,
        "mean_shift_p95": float(np.quantile(shifts, 0.95)) / (whole_std + EPSILON),
        "std_ratio_p95": float(np.quantile(ratios, 0.95)),
    }


def _mean_std(sums: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation from (count, sum, sum of squares)."""
    count, total, squares = sums
    mean = total / count
    return mean, float(np.sqrt(max(squares / count - mean**2, 0.0)))
