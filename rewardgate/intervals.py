"""Confidence intervals for means over pairs, with the prompt as the unit that was sampled.

The pairs of one prompt share its responses and its difficulty, so they are no independent draws;
an interval that treats them so is too narrow.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]

CELLS = 2**18
"""Counts held at once, so that a block of resamples stays in the processor's cache."""

MULTINOMIAL_COST = 10
"""Time of one cell of a multinomial draw, in draws of a single cluster (measured: 60 and 6 ns)."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval; `low` and `high` are None where one prompt gives no spread."""

    estimate: float
    low: float | None
    high: float | None
    prompts: int
    pairs: int


def clustered_mean(
    values: ArrayLike,
    weights: ArrayLike | None,
    clusters: ArrayLike,
    resamples: int,
    seed: int,
    level: float = 0.95,
) -> Interval:
    """Weighted mean of `values` with a percentile interval that resamples whole prompts.

    values: (p,) one a pair, e.g. 1 for right, 0.5 for a tie of scores, 0 for wrong
    weights: (p,) positive, or None for equal weights
    clusters: (p,) prompt_id of each pair

    The statistic is sum(w v) / sum(w), a ratio of sums over prompts, since a resample changes both
    sums. Neither the order of the pairs nor the names of the prompts plays a part.

    With n < 2 prompts there is no interval. With few prompts it is too narrow: in simulations with
    1 to 36 pairs a prompt, a level of 95 % covered the truth in 81 % of cases with 5 prompts, 90 %
    with 10, 92 % with 20, 93 % with 40 and 95 % with 100. Where all prompts agree it has no
    width, which does not mean certainty.

    Raises ValueError if there is no pair, if lengths differ, if a value is not finite or if a
    weight is not positive.

    Source: cluster bootstrap, Cameron, Gelbach and Miller 2008, "Bootstrap-Based Improvements for
    Inference with Clustered Errors"; percentile interval, Efron and Tibshirani 1993, chapter 13.
    Why evaluations need clusters: Miller 2024, "Adding Error Bars to Evals", arXiv 2411.00640.
    """
    sums = _sums_by_cluster(values, weights, clusters)
    pairs = len(np.asarray(values))
    if len(sums) < 2:
        return Interval(_ratio(sums), None, None, len(sums), pairs)
    means = _resampled_ratios(sums, resamples, np.random.default_rng(seed))
    return Interval(_ratio(sums), *_percentiles(means, level), len(sums), pairs)


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    weights: ArrayLike | None,
    clusters: ArrayLike,
    resamples: int,
    seed: int,
    level: float = 0.95,
) -> Interval:
    """Weighted mean of `a` minus that of `b`, two models' values (p,) on the same pairs.

    Both are resampled together, so that what makes a pair hard for both models cancels out
    (Miller 2024, on paired differences). Otherwise as `clustered_mean`.
    """
    difference = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    return clustered_mean(difference, weights, clusters, resamples, seed, level)


def independent_difference(
    a: ArrayLike,
    a_clusters: ArrayLike,
    b: ArrayLike,
    b_clusters: ArrayLike,
    resamples: int,
    seed: int,
    level: float = 0.95,
) -> Interval:
    """Mean of `a` (p,) minus that of `b` (q,), on two sets of prompts that share none.

    Each set is resampled by itself (Efron and Tibshirani 1993, section 8.3, the two-sample
    problem). `prompts` and `pairs` count the smaller set. Otherwise as `clustered_mean`.
    """
    sets = [_sums_by_cluster(a, None, a_clusters), _sums_by_cluster(b, None, b_clusters)]
    estimate = _ratio(sets[0]) - _ratio(sets[1])
    prompts, pairs = min(map(len, sets)), min(len(np.asarray(a)), len(np.asarray(b)))
    if prompts < 2:
        return Interval(estimate, None, None, prompts, pairs)
    rng = np.random.default_rng(seed)
    means = [_resampled_ratios(sums, resamples, rng) for sums in sets]
    return Interval(estimate, *_percentiles(means[0] - means[1], level), prompts, pairs)


def clustered_harmonic_mean(
    a: ArrayLike,
    a_clusters: ArrayLike,
    b: ArrayLike,
    b_clusters: ArrayLike,
    resamples: int,
    seed: int,
    level: float = 0.95,
) -> Interval:
    """Harmonic mean of the mean of `a` (p,) and that of `b` (q,), of values that are not negative.

    A prompt may have values of both kinds; resampling it takes all of them, so what the two means
    share shows in the interval. It is 0 where both means are. A resample without any value of one
    kind has no such mean and is left out. Otherwise as `clustered_mean`; `pairs` counts p + q.
    """
    both = [np.asarray(a, dtype=float), np.asarray(b, dtype=float)]
    clusters = [np.asarray(a_clusters), np.asarray(b_clusters)]
    for values, of in zip(both, clusters, strict=True):
        _check(values, np.ones(len(values)), pd.factorize(of)[0])
    cluster = pd.factorize(np.concatenate(clusters))[0]
    is_a = np.arange(len(cluster)) < len(both[0])
    value, n = np.concatenate(both), cluster.max() + 1
    columns = (value * is_a, is_a, value * ~is_a, ~is_a)
    counted = [np.bincount(cluster, one.astype(float), n) for one in columns]
    sums = np.stack(counted, axis=1).astype(float)
    estimate = float(_harmonic(sums.sum(axis=0)))
    if n < 2:
        return Interval(estimate, None, None, 1, len(value))
    resampled = _resampled_sums(sums, resamples, np.random.default_rng(seed))
    means = _harmonic(resampled[(resampled[:, 1] > 0) & (resampled[:, 3] > 0)].T)
    return Interval(estimate, *_percentiles(means, level), int(n), len(value))


def p_below(interval: Interval, threshold: float, level: float = 0.95) -> float | None:
    """p-value of H0 "the mean is at least `threshold`"; None for a figure without interval.

    p = Phi(-z (threshold - estimate) / (high - estimate)), z = 1.96 at 95 %: the resampled means
    are taken as normal above the estimate, with the spread that their upper percentile shows. So
    p is 0.025 exactly where the interval ends at the threshold, and a figure can be tested by its
    interval alone, whichever report it stands in. Of a bootstrap it is the share of resamples
    that reach the threshold (`tests/test_intervals.py` compares the two).

    Source: Altman and Bland 2011, "How to obtain the P value from a confidence interval", BMJ
    343:d2304, with the half-width on the threshold's side; Efron and Tibshirani 1993, section
    15.4, on the share of resamples beyond the threshold.
    """
    if interval.high is None:
        return None
    return _tail(threshold - interval.estimate, interval.high - interval.estimate, level)


def p_above(interval: Interval, threshold: float, level: float = 0.95) -> float | None:
    """p-value of H0 "the mean is at most `threshold`" against "it is above"; see `p_below`."""
    if interval.low is None:
        return None
    return _tail(interval.estimate - threshold, interval.estimate - interval.low, level)


def _tail(distance: float, half_width: float, level: float) -> float:
    if half_width <= 0:
        return 0.0 if distance > 0 else 1.0
    return float(stats.norm.sf(stats.norm.ppf((1 + level) / 2) * distance / half_width))


def holm(p_values: ArrayLike) -> Floats:
    """Adjusted p-values (m,): those below alpha may be rejected at a family-wise error of alpha.

    The i-th smallest of m becomes the largest of (m - j + 1) p_j over j <= i, at most 1.
    Source: Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    return np.minimum(adjusted, 1.0)


def _sums_by_cluster(values: ArrayLike, weights: ArrayLike | None, clusters: ArrayLike) -> Floats:
    """Sums of weight * value and of weight, one row a cluster: (n, 2)."""
    value = np.asarray(values, dtype=float)
    weight = np.ones(len(value)) if weights is None else np.asarray(weights, dtype=float)
    cluster = pd.factorize(np.asarray(clusters))[0]
    _check(value, weight, cluster)
    columns = [np.bincount(cluster, weight * value), np.bincount(cluster, weight)]
    return np.stack(columns, axis=1).astype(float)


def _ratio(sums: Floats) -> float:
    total = sums.sum(axis=0)
    return float(total[0] / total[1])


def _percentiles(means: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _harmonic(sums: Floats) -> Floats:
    """Harmonic mean of the ratios of rows 0 to 1 and 2 to 3 of `sums` (4, ...)."""
    a, b = sums[0] / sums[1], sums[2] / sums[3]
    return 2 * a * b / np.where(a + b > 0, a + b, 1.0)


def _resampled_ratios(sums: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Ratio of the two summed columns of `sums` (n, 2) in each resample of its n rows."""
    numerator, denominator = _resampled_sums(sums, resamples, rng).T
    return numerator / denominator


def _resampled_sums(sums: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Sums (resamples, k) of the columns of `sums` (n, k) in each resample of its n rows."""
    n = len(sums)
    kinds, repeats = np.unique(sums, axis=0, return_counts=True)
    few_kinds = len(kinds) * MULTINOMIAL_COST < n
    rows = kinds if few_kinds else np.repeat(kinds, repeats, axis=0)
    block = max(1, CELLS // len(rows))
    found = []
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        if few_kinds:
            counts = rng.multinomial(n, repeats / n, size=size)
        else:
            drawn = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        found.append(counts.astype(float) @ rows)
    return np.concatenate(found)


def _check(value: Floats, weight: Floats, cluster: NDArray[np.int64]) -> None:
    if len(value) == 0:
        raise ValueError("no pair to average over")
    if not len(value) == len(weight) == len(cluster):
        raise ValueError(
            f"{len(value)} values, {len(weight)} weights and {len(cluster)} clusters; "
            "there must be one of each a pair"
        )
    if not np.isfinite(value).all():
        raise ValueError("a value is not finite")
    if not (np.isfinite(weight) & (weight > 0)).all():
        raise ValueError("a weight is not positive")
