"""Slopes and means with errors clustered by prompt, against other libraries and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from rewardgate.audit.bias import Measured, mean, slope


def test_slope_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    trait = rng.normal(0.4, 1.5, 300)
    weights = rng.uniform(0.5, 2, 300)
    sign = np.where(np.arange(300) % 2, 1, -1)
    peer = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10)
    peer.fit((trait * sign)[:, None], sign, sample_weight=weights)
    found = slope(trait, np.arange(300), weights)
    assert found.estimate == pytest.approx(peer.coef_[0, 0], abs=1e-5)


@given(st.floats(-3, 3), st.integers(5, 60))
def test_swapping_chosen_and_rejected_turns_the_slope_around(shift: float, n: int) -> None:
    trait = np.random.default_rng(n).normal(shift, 1, n)
    one, other = slope(trait, np.arange(n)), slope(-trait, np.arange(n))
    assert one.estimate == pytest.approx(-other.estimate, abs=1e-9)
    assert one.error == pytest.approx(other.error, abs=1e-9)


def test_a_trait_that_always_wins_has_a_finite_slope() -> None:
    found = slope(np.full(1000, 2.0), np.arange(1000))
    assert 2 < found.estimate < 10


def test_no_difference_is_no_bias() -> None:
    assert slope(np.zeros(10), np.arange(10)).estimate == 0.0


def test_the_error_covers_the_truth_where_prompts_share_a_mood() -> None:
    """True slope 0; all ten pairs of a prompt lean the same way."""
    rng, covered = np.random.default_rng(3), 0
    for _ in range(200):
        trait = np.repeat(rng.normal(size=50), 10)
        interval = slope(trait, np.repeat(np.arange(50), 10)).interval()
        assert interval.low is not None
        assert interval.high is not None
        covered += interval.low <= 0 <= interval.high
    assert 178 <= covered <= 200


def test_mean_by_hand() -> None:
    """Prompt sums of deviations from 0.5 are 1, -0.5 and -0.5: sqrt(3/2 * 1.5) / 4."""
    found = mean([1, 1, 0, 0], ["a", "a", "b", "c"])
    assert found == Measured(0.5, pytest.approx(np.sqrt(1.5 * 1.5) / 4), 3, 4)


def test_weighted_mean() -> None:
    assert mean([1, 0], ["a", "b"], [3, 1]).estimate == 0.75


def test_one_prompt_has_no_interval() -> None:
    interval = mean([1, 0], ["a", "a"]).interval()
    assert (interval.estimate, interval.low, interval.high) == (0.5, None, None)


def test_errors_of_a_difference_add_in_squares() -> None:
    found = Measured(0.7, 0.3, 5, 9).minus(Measured(0.5, 0.4, 7, 8))
    assert found == Measured(pytest.approx(0.2), pytest.approx(0.5), 5, 9)
