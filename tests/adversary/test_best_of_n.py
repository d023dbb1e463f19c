from itertools import combinations
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.adversary.best_of_n import best_of_n_weights, doublings, kl_of, largest_n


@given(st.data(), st.lists(st.integers(0, 6), min_size=1, max_size=8))
def test_weights_are_those_of_all_subsets(data: st.DataObject, proxy: list[int]) -> None:
    n = data.draw(st.integers(1, len(proxy)))
    gold = np.arange(len(proxy), dtype=float) ** 2
    means = []
    for subset in combinations(range(len(proxy)), n):
        best = max(proxy[i] for i in subset)
        means.append((best, subset))
    # the winner of a subset is any of its candidates of the highest proxy; over all subsets each
    # of equal ones wins as often, so a tie goes to all candidates of that proxy in the pool alike
    expected = np.mean(
        [np.mean([gold[i] for i, one in enumerate(proxy) if one == best]) for best, _ in means]
    )
    weights = best_of_n_weights(np.array(proxy, dtype=float), n)
    assert weights.sum() == pytest.approx(1)
    assert weights @ gold == pytest.approx(expected)
    assert weights @ np.array(proxy) == pytest.approx(np.mean([best for best, _ in means]))


def test_by_hand() -> None:
    # of 3 choose 2 = 3 pairs the highest wins 2, the middle one 1
    assert best_of_n_weights(np.array([5.0, 1.0, 3.0]), 2) == pytest.approx([2 / 3, 0, 1 / 3])
    assert best_of_n_weights(np.array([5.0, 1.0, 3.0]), 1) == pytest.approx([1 / 3] * 3)
    assert best_of_n_weights(np.array([5.0, 1.0, 3.0]), 3) == pytest.approx([1, 0, 0])


def test_a_thousand_of_two_thousand_is_no_overflow() -> None:
    weights = best_of_n_weights(np.arange(2048.0), 1024)
    assert weights.sum() == pytest.approx(1)
    assert weights[-1] == pytest.approx(1024 / 2048)


@pytest.mark.parametrize("n", [0, 4])
def test_n_beyond_the_candidates_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="of the 3 candidates"):
        best_of_n_weights(np.zeros(3), n)


def test_kl_of_best_of_n() -> None:
    assert kl_of(1) == 0
    assert kl_of(2) == pytest.approx(log(2) - 0.5)
    assert largest_n(kl_of(16), 64) == 16
    assert largest_n(0.0, 64) == 1
    assert largest_n(99.0, 64) == 64


def test_the_grid_doubles_and_ends_at_the_last() -> None:
    assert doublings(1) == [1]
    assert doublings(64) == [1, 2, 4, 8, 16, 32, 64]
    assert doublings(48) == [1, 2, 4, 8, 16, 32, 48]
