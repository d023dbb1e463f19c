import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy, ks_2samp

from rewardgate.drift import (
    BINS,
    KEPT,
    DriftMonitor,
    kept_scores,
    measure_drift,
    population_stability,
)
from rewardgate.errors import RewardGateError

REFERENCE = np.arange(100.0)


def test_stability_index_by_hand() -> None:
    # all live scores in the first bin: (1 - 0.1) ln 10, and nine times (0.0001 - 0.1) ln 0.001
    expected = 0.9 * math.log(10) + 9 * (1e-4 - 0.1) * math.log(1e-3)
    assert population_stability(REFERENCE, np.zeros(50)) == pytest.approx(expected)
    assert population_stability(REFERENCE, REFERENCE) == 0


def test_stability_index_is_the_symmetrised_divergence_of_scipy() -> None:
    live = np.random.default_rng(0).normal(60, 30, 4000)
    edges = [-np.inf, *np.quantile(REFERENCE, np.linspace(0, 1, BINS + 1)[1:-1]), np.inf]
    p, q = (np.histogram(scores, edges)[0] / len(scores) for scores in (REFERENCE, live))
    expected = entropy(p, q) + entropy(q, p)
    assert population_stability(REFERENCE, live) == pytest.approx(expected, rel=1e-6)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_drift_is_finite_and_not_negative(reference: list[float], live: list[float]) -> None:
    found = measure_drift(reference, live)
    assert 0 <= found.psi < math.inf
    assert 0 <= found.ks <= 1
    assert math.isfinite(found.mean_shift)


def test_the_same_source_has_not_drifted_and_a_shifted_one_has() -> None:
    random = np.random.default_rng(1)
    reference = random.normal(size=1000)
    assert not measure_drift(reference, random.normal(size=2000)).drifted()
    shifted = measure_drift(reference, random.normal(0.7, 1, size=2000))
    assert shifted.drifted()
    assert shifted.mean_shift == pytest.approx(0.7, abs=0.1)
    narrow = measure_drift(reference, random.normal(0, 0.2, size=2000))
    assert narrow.drifted()
    assert narrow.mean_shift == pytest.approx(0, abs=0.1)


def test_what_is_kept_of_many_scores_stands_for_them() -> None:
    scores = np.random.default_rng(2).gumbel(size=50_000)
    kept = kept_scores(scores)
    assert len(kept) == KEPT
    assert ks_2samp(kept, scores).statistic < 2 / KEPT
    assert kept_scores(np.array([2.0, 1.0])) == [1.0, 2.0]


def test_the_monitor_looks_at_the_newest_scores_once_there_are_enough() -> None:
    monitor = DriftMonitor(list(REFERENCE), window=100, least=50)
    monitor.add([500.0] * 49)
    assert monitor.drift() is None
    monitor.add([500.0])
    assert monitor.drift().drifted()
    monitor.add(list(REFERENCE))
    assert monitor.drift() == measure_drift(list(REFERENCE), list(REFERENCE))


@pytest.mark.parametrize("live", [[], [1.0, float("nan")]])
def test_no_scores_or_no_numbers_are_refused(live: list[float]) -> None:
    with pytest.raises(RewardGateError, match="the live scores must hold finite scores"):
        measure_drift([1.0], live)


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=40),
    st.lists(st.integers(-5, 5), min_size=1, max_size=40),
)
def test_the_distance_is_that_of_scipy(reference: list[int], live: list[int]) -> None:
    expected = ks_2samp(reference, live, method="asymp").statistic
    assert measure_drift(reference, live).ks == pytest.approx(expected)
