"""What sways an annotator besides content: slope of a choice on a trait, clustered by prompt."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

from rewardgate.intervals import Interval

RIDGE = 1.0
"""Of the slope: as much as one standard normal prior, so that a separable sample has an end."""
_STEEPEST = 1000.0
Z = float(norm.ppf(0.975))


class Measured(NamedTuple):
    """An estimate with its standard error and sample, from which differences can be built."""

    estimate: float
    error: float
    prompts: int
    pairs: int

    def interval(self) -> Interval:
        """95 %, normal; without ends where one prompt gives no spread."""
        if self.prompts < 2:
            return Interval(self.estimate, None, None, self.prompts, self.pairs)
        reach = Z * self.error
        low, high = self.estimate - reach, self.estimate + reach
        return Interval(self.estimate, low, high, self.prompts, self.pairs)

    def minus(self, other: "Measured") -> "Measured":
        """Difference of two samples taken as independent; the counts are of this one."""
        error = float(np.hypot(self.error, other.error))
        return Measured(self.estimate - other.estimate, error, self.prompts, self.pairs)


def slope(trait: ArrayLike, prompt_ids: ArrayLike, weights: ArrayLike | None = None) -> Measured:
    """Coefficient b of P(chosen over rejected) = sigmoid(b trait), in BT logits per unit.

    trait: (p,) of the chosen response minus that of the rejected one
    weights: (p,) of each pair, or None

    Logistic regression without intercept and with a ridge of 1; the error is the sandwich
    clustered by prompt, sqrt(n / (n - 1) sum_g u_g^2) / H, where u_g sums w x (1 - p) over prompt
    g and H is the curvature (Liang and Zeger 1986; Cameron and Miller 2015).
    """
    x, cluster = np.asarray(trait, dtype=float), pd.factorize(np.asarray(prompt_ids))[0]
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=float)

    def gradient(b: float) -> float:
        return float((w * x) @ expit(-b * x) - RIDGE * b)

    b = float(brentq(gradient, -_STEEPEST, _STEEPEST))
    p = expit(b * x)
    curvature = float((w * x**2) @ (p * (1 - p))) + RIDGE
    by_prompt = np.bincount(cluster, w * x * (1 - p))
    n = len(by_prompt)
    error = np.sqrt(n / max(n - 1, 1) * (by_prompt**2).sum()) / curvature
    return Measured(b, float(error), n, len(x))


def mean(values: ArrayLike, prompt_ids: ArrayLike, weights: ArrayLike | None = None) -> Measured:
    """Weighted mean of (p,) values; error of a ratio of sums over prompts, by linearisation."""
    value, cluster = np.asarray(values, dtype=float), pd.factorize(np.asarray(prompt_ids))[0]
    w = np.ones(len(value)) if weights is None else np.asarray(weights, dtype=float)
    estimate = float(w @ value / w.sum())
    by_prompt = np.bincount(cluster, w * (value - estimate))
    n = len(by_prompt)
    error = np.sqrt(n / max(n - 1, 1) * (by_prompt**2).sum()) / w.sum()
    return Measured(estimate, float(error), n, len(value))
