"""Do live scores still come from where the calibration set's came from? Warns, never updates."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rewardgate.errors import RewardGateError
from rewardgate.metrics import Floats

KEPT = 1000
"""Scores of the calibration set that a bundle keeps at most, evenly spread over their ranks."""

BINS = 10
LEAST_SHARE = 1e-4
"""An empty bin counts as this share, so that the index stays finite."""

PSI_LIMIT, KS_LIMIT = 0.25, 0.2
"""Beyond either, live scores have drifted. 0.25 is the usual limit of the index (Siddiqi 2006);
0.2 is a fifth of all responses moved past some score."""


@dataclass(frozen=True)
class Drift:
    """psi: population stability index; ks: Kolmogorov-Smirnov distance; mean_shift: in standard
    deviations of the calibration set.

    Without p-values: scores of one prompt are not independent, and with thousands any shift would
    be significant.
    """

    scores: int
    psi: float
    ks: float
    mean_shift: float

    def drifted(self, psi_limit: float = PSI_LIMIT, ks_limit: float = KS_LIMIT) -> bool:
        return self.psi > psi_limit or self.ks > ks_limit

    def words(self) -> str:
        return (
            f"{self.scores} live scores against the calibration set: PSI {self.psi:.3f}, "
            f"KS {self.ks:.3f}, mean {self.mean_shift:+.2f} standard "
            "deviations"
        )


def kept_scores(scores: Floats) -> list[float]:
    """What a bundle keeps of the calibration scores (n,): all, or KEPT quantiles of them."""
    if len(scores) <= KEPT:
        return [float(score) for score in np.sort(scores)]
    return [float(score) for score in np.quantile(scores, np.linspace(0, 1, KEPT))]


def population_stability(reference: Floats, live: Floats) -> float:
    """Sum over BINS bins of (q - p) ln(q / p); p, q: shares of reference (n,) and live (m,).

    The bins hold equal shares of the reference. Siddiqi 2006, Credit Risk Scorecards, chapter 6;
    it is the symmetrised Kullback-Leibler divergence of the two histograms.
    """
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))

    def shares(scores: Floats) -> NDArray[np.float64]:
        counts = np.bincount(np.searchsorted(edges, scores, side="left"), minlength=len(edges) + 1)
        return np.maximum(counts / len(scores), LEAST_SHARE)

    p, q = shares(reference), shares(live)
    return float(((q - p) * np.log(q / p)).sum())


def ks_distance(reference: Floats, live: Floats) -> float:
    """Largest distance between the distribution functions of reference (n,) and live (m,)."""
    places = np.concatenate([reference, live])
    functions = [
        np.searchsorted(np.sort(scores), places, side="right") / len(scores)
        for scores in (reference, live)
    ]
    return float(np.abs(functions[0] - functions[1]).max())


def measure_drift(reference: Sequence[float], live: Sequence[float]) -> Drift:
    """How far live scores (m,) are from those of the calibration set (n,); both raw.

    Raises RewardGateError if either is empty or holds a score that is not finite.
    """
    known, new = np.asarray(reference, dtype=float), np.asarray(live, dtype=float)
    for what, scores in (("calibration set", known), ("live scores", new)):
        if not len(scores) or not np.isfinite(scores).all():
            raise RewardGateError(f"drift: the {what} must hold finite scores, at least one")
    spread = float(known.std()) or 1.0
    return Drift(
        len(new),
        population_stability(known, new),
        ks_distance(known, new),
        float((new.mean() - known.mean()) / spread),
    )


class DriftMonitor:
    """The newest `window` live scores beside the calibration set's. Threads may share one.

    reference: `score_quantiles` of the calibration report
    least: with fewer live scores there is no verdict yet
    """

    def __init__(self, reference: Sequence[float], window: int = 2000, least: int = 200) -> None:
        self._reference = reference
        self._least = least
        self._live: deque[float] = deque(maxlen=window)
        self._lock = threading.Lock()

    def add(self, scores: Sequence[float]) -> None:
        with self._lock:
            self._live.extend(scores)

    def drift(self) -> Drift | None:
        """None while there are too few live scores."""
        with self._lock:
            live = list(self._live)
        return measure_drift(self._reference, live) if len(live) >= self._least else None
