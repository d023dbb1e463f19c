import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from rewardgate.length_debias import balanced_weights, length_effect

pairs_of = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 400), st.floats(0.01, 3)),
    min_size=1,
    max_size=200,
).map(lambda rows: [np.array(column) for column in zip(*rows, strict=True)])


def long_biased_pairs(count: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The longer response wins the more often, the larger the gap, as with judges who like length:
    at a gap of g = |log ratio| with probability 0.5 + 0.15 g."""
    rng = np.random.default_rng(3)
    short = rng.integers(20, 300, count)
    long = np.round(short * np.exp(rng.uniform(0.1, 2, count))).astype(int)
    longer_wins = rng.random(count) < 0.5 + 0.15 * np.log(long / short)
    chosen, rejected = np.where(longer_wins, long, short), np.where(longer_wins, short, long)
    return chosen, rejected, rng.uniform(0.2, 1, count)


def test_few_pairs_are_balanced_as_a_whole() -> None:
    chosen, rejected = [9, 8, 7, 2, 5], [3, 3, 3, 6, 5]
    weights = balanced_weights(chosen, rejected, [1, 1, 1, 1, 1])
    assert weights.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2, 1])


def test_the_longer_side_and_the_shorter_side_weigh_the_same_at_every_gap() -> None:
    chosen, rejected, weights = long_biased_pairs()
    assert np.average(chosen > rejected, weights=weights) > 0.6
    frame = pd.DataFrame(
        {
            "bin": pd.qcut(np.abs(np.log((1 + chosen) / (1 + rejected))), 10, labels=False),
            "longer": chosen > rejected,
            "before": weights,
            "after": balanced_weights(chosen, rejected, weights),
        }
    )
    sums = frame.groupby(["bin", "longer"])["after"].sum().unstack()
    assert sums[True].to_numpy() == pytest.approx(sums[False].to_numpy())
    totals = frame.groupby("bin")[["before", "after"]].sum()
    assert totals["after"].to_numpy() == pytest.approx(totals["before"].to_numpy())


def test_one_bin_would_leave_the_size_of_the_gap_as_a_clue() -> None:
    chosen, rejected, weights = long_biased_pairs()
    gap = np.abs(np.log(chosen / rejected))
    wide = gap > np.median(gap)

    def share_longer(bins: int) -> float:
        new = balanced_weights(chosen, rejected, weights, bins=bins)
        return float(np.average((chosen > rejected)[wide], weights=new[wide]))

    assert share_longer(bins=1) > 0.55
    assert share_longer(bins=10) == pytest.approx(0.5, abs=0.005)


def test_the_cap_bounds_the_factor_and_the_rest_goes_to_the_other_side() -> None:
    chosen, rejected = np.array([9] * 19 + [1]), np.full(20, 5)
    weights = balanced_weights(chosen, rejected, np.ones(20), cap=4)
    assert weights[-1] == 4
    assert weights[:-1].tolist() == pytest.approx([16 / 19] * 19)


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [([9, 8], [3, 3]), ([1, 2], [3, 3]), ([3, 3], [3, 3]), ([], [])],
    ids=["all longer", "all shorter", "all equal", "no pairs"],
)
def test_with_nothing_to_balance_the_weights_stay(chosen: list[int], rejected: list[int]) -> None:
    weights = np.array([0.3, 2.0][: len(chosen)])
    assert balanced_weights(chosen, rejected, weights).tolist() == weights.tolist()


def test_a_side_without_weight_is_no_side() -> None:
    assert balanced_weights([9, 1], [3, 3], [1.0, 0.0]).tolist() == [1.0, 0.0]
    assert balanced_weights([9, 1], [3, 3], [0.0, 0.0]).tolist() == [0.0, 0.0]


@given(pairs_of, st.floats(1, 10))
def test_totals_order_and_cap(columns: list[np.ndarray], cap: float) -> None:
    chosen, rejected, weights = columns
    before = weights.copy()
    after = balanced_weights(chosen, rejected, weights, cap=cap)
    assert weights.tolist() == before.tolist(), "the caller's array is left alone"
    assert after.sum() == pytest.approx(weights.sum())
    assert (after > 0).all()
    assert (after <= weights * cap * (1 + 1e-9)).all()
    equal = chosen == rejected
    assert after[equal].tolist() == weights[equal].tolist()


@given(pairs_of.filter(lambda columns: len(columns[0]) < 100), st.floats(1, 10))
def test_one_bin_is_even_unless_the_cap_binds(columns: list[np.ndarray], cap: float) -> None:
    chosen, rejected, weights = columns
    sides = chosen > rejected, chosen < rejected
    rare, common = sorted(weights[side].sum() for side in sides)
    assume(rare > 0)
    new_rare, new_common = sorted(
        balanced_weights(chosen, rejected, weights, cap)[side].sum() for side in sides
    )
    if rare * cap >= (rare + common) / 2:
        assert new_rare == pytest.approx(new_common)
    else:
        assert new_rare == pytest.approx(rare * cap)


@given(pairs_of)
def test_swapping_chosen_and_rejected_changes_no_weight(columns: list[np.ndarray]) -> None:
    chosen, rejected, weights = columns
    there = balanced_weights(chosen, rejected, weights)
    back = balanced_weights(rejected, chosen, weights)
    assert there.tolist() == pytest.approx(back.tolist())


def test_the_effect_of_length_by_hand() -> None:
    # Log length ratios of log 2, three in favour of the longer: sigmoid(b log 2) = 3 / 4.
    chosen, rejected = [3, 3, 3, 1], [1, 1, 1, 3]
    assert length_effect(chosen, rejected) == pytest.approx(np.log(3) / np.log(2), abs=1e-4)
    assert length_effect(rejected, chosen) == pytest.approx(-np.log(3) / np.log(2), abs=1e-4)
    assert length_effect([2, 5], [2, 5]) == length_effect([], []) == 0
    assert length_effect([9, 9], [3, 3]) == pytest.approx(10, abs=1e-3)


def test_the_effect_of_length_is_that_of_an_unpenalised_logistic_regression() -> None:
    chosen, rejected, _ = long_biased_pairs()
    gap = np.log1p(chosen) - np.log1p(rejected)
    both = np.concatenate([gap, -gap])[:, None]
    reference = LogisticRegression(C=1e9, fit_intercept=False)
    reference.fit(both, np.repeat([1, 0], len(gap)))
    assert length_effect(chosen, rejected) == pytest.approx(reference.coef_.item(), rel=1e-3)
