import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rewardgate.intervals import (
    Interval,
    clustered_harmonic_mean,
    clustered_mean,
    holm,
    independent_difference,
    p_above,
    p_below,
    paired_difference,
)


def sample(prompts: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Right or wrong (p,) and prompt (p,) of 1 to 36 pairs a prompt; the true accuracy is 65 %."""
    clusters = np.repeat(np.arange(prompts), rng.integers(1, 37, prompts))
    chance = rng.beta(2.6, 1.4, prompts)[clusters]
    return (rng.random(len(clusters)) < chance).astype(float), clusters


def test_estimate_is_the_weighted_mean_over_pairs() -> None:
    interval = clustered_mean([1, 0, 1, 1], [2, 1, 1, 1], ["a", "a", "b", "b"], 100, 0)
    assert interval.estimate == pytest.approx(0.8)
    assert (interval.prompts, interval.pairs) == (2, 4)


def test_two_prompts_give_their_four_resamples() -> None:
    # the resamples aa, ab, ba, bb have means 0, 3/4, 3/4, 1: a quarter lies at either end
    interval = clustered_mean([0, 1, 1, 1], None, ["a", "b", "b", "b"], 4000, 0, level=0.4)
    assert (interval.low, interval.high) == (0.75, 0.75)
    interval = clustered_mean([0, 1, 1, 1], None, ["a", "b", "b", "b"], 4000, 0, level=0.6)
    assert (interval.low, interval.high) == (0.0, 1.0)


@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_interval_agrees_with_scipy(continuous: bool, weighted: bool) -> None:
    rng = np.random.default_rng(7)
    values, clusters = sample(300, rng)
    if continuous:
        values = values + rng.normal(size=len(values))
    weights = rng.uniform(0.5, 2, 300)[clusters] if weighted else np.ones(len(values))
    ours = clustered_mean(values, weights, clusters, 20_000, 1)
    sums = [[part[clusters == c].sum() for c in range(300)] for part in (weights * values, weights)]
    theirs = stats.bootstrap(
        sums,
        lambda v, w, axis: v.sum(axis=axis) / w.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        batch=1000,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert ours.low is not None
    assert ours.high is not None
    tolerance = 0.03 * (theirs.high - theirs.low)
    assert ours.low == pytest.approx(theirs.low, abs=tolerance)
    assert ours.high == pytest.approx(theirs.high, abs=tolerance)


def test_both_ways_of_drawing_agree() -> None:
    # three kinds of prompt are drawn as a multinomial; a trace of noise makes all of them distinct
    rng = np.random.default_rng(5)
    values = rng.choice([0.0, 0.5, 1.0], 400)
    noisy = values + rng.uniform(0, 1e-9, 400)
    few, many = (clustered_mean(v, None, np.arange(400), 20_000, 3) for v in (values, noisy))
    assert few.low is not None
    assert few.high is not None
    assert [many.low, many.high] == pytest.approx([few.low, few.high], abs=0.003)


def test_clusters_are_what_makes_the_interval_cover_the_truth() -> None:
    rng = np.random.default_rng(11)
    covered = np.zeros(2)
    for seed in range(300):
        values, prompts = sample(60, rng)
        for way, clusters in enumerate((prompts, np.arange(len(values)))):
            interval = clustered_mean(values, None, clusters, 500, seed)
            assert interval.low is not None
            assert interval.high is not None
            covered[way] += interval.low <= 0.65 <= interval.high
    by_prompt, by_pair = covered / 300
    assert 0.91 < by_prompt < 0.98
    assert by_pair < 0.75


def test_paired_difference_is_narrower_than_either_mean() -> None:
    rng = np.random.default_rng(3)
    values, prompts = sample(100, rng)
    better = np.where(rng.random(len(values)) < 0.1, 1.0, values)
    difference = paired_difference(better, values, None, prompts, 2000, 0)
    alone = clustered_mean(values, None, prompts, 2000, 0)
    assert difference.estimate == pytest.approx(better.mean() - values.mean())
    assert difference.low is not None
    assert difference.high is not None
    assert alone.low is not None
    assert alone.high is not None
    assert 0 < difference.low < difference.estimate < difference.high
    assert difference.high - difference.low < (alone.high - alone.low) / 3


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=40
    ),
    st.randoms(use_true_random=False),
)
def test_order_of_pairs_and_names_of_prompts_play_no_part(rows, shuffler) -> None:
    plain = clustered_mean([v for _, v in rows], None, [c for c, _ in rows], 50, 9)
    shuffler.shuffle(rows)
    renamed = clustered_mean([v for _, v in rows], None, [f"p{-c}" for c, _ in rows], 50, 9)
    assert renamed == plain
    if plain.low is not None and plain.high is not None:
        assert 0 <= plain.low <= plain.high <= 1


def test_one_prompt_has_an_estimate_and_no_interval() -> None:
    assert clustered_mean([1, 0], None, ["a", "a"], 100, 0) == Interval(0.5, None, None, 1, 2)


def test_same_seed_same_interval_and_another_seed_another() -> None:
    values, prompts = sample(50, np.random.default_rng(0))
    first, again, other = (clustered_mean(values, None, prompts, 200, s) for s in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("values", "weights", "clusters", "message"),
    [
        ([], None, [], "no pair"),
        ([1.0], None, ["a", "b"], "1 values, 1 weights and 2 clusters"),
        ([np.nan], None, ["a"], "value is not finite"),
        ([1.0, 0.0], [1.0, 0.0], ["a", "b"], "weight is not positive"),
    ],
)
def test_impossible_input_is_refused(values, weights, clusters, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clustered_mean(values, weights, clusters, 10, 0)


@pytest.mark.parametrize("threshold", [0.63, 0.66, 0.68, 0.7, 0.72])
def test_p_value_is_the_share_of_scipys_resamples_beyond_the_threshold(threshold: float) -> None:
    rng = np.random.default_rng(7)
    values = (rng.random(200) < 0.65).astype(float)
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, batch=1000, rng=np.random.default_rng(1)
    )
    reached = np.mean(found.bootstrap_distribution >= threshold)
    ours = clustered_mean(values, None, np.arange(200), 20_000, 2)
    p = p_below(ours, threshold)
    assert p is not None
    assert p == pytest.approx(reached, abs=0.03)
    mirrored = clustered_mean(-values, None, np.arange(200), 20_000, 2)
    assert p_above(mirrored, -threshold) == pytest.approx(p, abs=0.02)


def test_p_value_is_one_side_of_the_level_where_the_interval_ends() -> None:
    interval = Interval(0.5, 0.4, 0.7, 10, 20)
    assert p_below(interval, 0.7) == pytest.approx(0.025)
    assert p_above(interval, 0.4) == pytest.approx(0.025)
    assert p_below(interval, 0.5) == pytest.approx(0.5)
    assert p_below(Interval(0.5, None, None, 1, 2), 0.7) is None
    certain = Interval(0.5, 0.5, 0.5, 10, 20)
    assert (p_below(certain, 0.6), p_below(certain, 0.5)) == (0.0, 1.0)


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.02, 0.03, 0.04 count 4, 3, 2 and 1 times, none less than the one before it
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert holm([]).tolist() == []


def test_difference_of_independent_sets_has_the_spread_of_both() -> None:
    rng = np.random.default_rng(3)
    (a, a_prompts), (b, b_prompts) = sample(80, rng), sample(120, rng)
    found = independent_difference(a, a_prompts, b, b_prompts, 4000, 0)
    alone = [clustered_mean(*one, 4000, 0) for one in ((a, None, a_prompts), (b, None, b_prompts))]
    assert found.estimate == pytest.approx(a.mean() - b.mean())
    assert (found.prompts, found.pairs) == (80, min(len(a), len(b)))
    widths = [one.high - one.low for one in [found, *alone]]  # type: ignore[operator]
    assert widths[0] == pytest.approx(np.hypot(widths[1], widths[2]), rel=0.08)
    assert independent_difference(a, a_prompts, [1.0], ["x"], 100, 0).low is None


def test_the_harmonic_mean_by_hand() -> None:
    interval = clustered_harmonic_mean(
        [1, 0, 0, 1], list("aabb"), [1, 1, 0, 1], list("aabc"), 99, 0
    )
    assert interval.estimate == pytest.approx(2 * 0.5 * 0.75 / 1.25)
    assert (interval.prompts, interval.pairs) == (3, 8)
    assert clustered_harmonic_mean([0, 0], list("ab"), [0, 0], list("ab"), 99, 0).high == 0.0
    alone = clustered_harmonic_mean([1, 0], ["a", "a"], [1], ["a"], 99, 0)
    assert (alone.estimate, alone.low, alone.high) == (pytest.approx(2 / 3), None, None)
    with pytest.raises(ValueError, match="no pair"):
        clustered_harmonic_mean([], [], [1], ["a"], 99, 0)


@pytest.mark.parametrize("shared", [True, False])
def test_the_interval_of_the_harmonic_mean_agrees_with_scipy(shared: bool) -> None:
    """Of prompts with values of both kinds, which vary together, and of prompts with either."""
    rng = np.random.default_rng(4)
    chance = rng.beta(2, 1, 60)
    a_clusters, b_clusters = np.repeat(np.arange(60), 3), np.arange(60)
    if not shared:
        a_clusters, b_clusters = np.repeat(np.arange(40), 3), np.arange(40, 60)
    a = (rng.random(len(a_clusters)) < chance[a_clusters]).astype(float)
    b = (rng.random(len(b_clusters)) < chance[b_clusters]).astype(float)

    def harmonic(drawn: np.ndarray) -> float:
        counts = np.bincount(drawn, minlength=60)
        means = [
            np.average(values, weights=counts[clusters])
            for values, clusters in ((a, a_clusters), (b, b_clusters))
        ]
        return stats.hmean(means)

    found = clustered_harmonic_mean(a, a_clusters, b, b_clusters, 20_000, 0)
    theirs = stats.bootstrap(
        (np.arange(60),),
        harmonic,
        vectorized=False,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert found.estimate == pytest.approx(stats.hmean([a.mean(), b.mean()]))
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)
