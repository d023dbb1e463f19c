"""The rankings that the benchmarks make."""

import numpy as np
import pytest

from benchmarks.rankings import GOOD, cut, lengths, made_of_words, shuffled


def test_better_responses_hold_a_larger_share_of_good_words() -> None:
    table = made_of_words(5, 4, 50, 10, [1])
    good = table["text"].map(lambda text: np.isin(text.split(), GOOD).mean())
    for _, ranking in table.assign(good=good).groupby("ranking_id"):
        by_rank = ranking.sort_values("rank")
        assert by_rank["rank"].iloc[0] == 1
        for (_, better), (_, worse) in zip(
            by_rank.iloc[:-1].iterrows(), by_rank.iloc[1:].iterrows(), strict=True
        ):
            assert better["good"] > worse["good"] or better["rank"] == worse["rank"]


@pytest.mark.parametrize(("count", "mean"), [(9, 64), (72, 256), (2, 1024)])
def test_lengths_have_the_mean_asked_for_and_no_giant(count: int, mean: int) -> None:
    drawn = lengths(count, mean, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(mean, rel=0.02)
    assert drawn.max() < 5 * mean
    assert drawn.min() < mean


def test_cut_keeps_rankings_whole() -> None:
    table = made_of_words(6, 3, 10, 5, [2])
    first, others = cut(shuffled(table), 4)
    assert (len(first), len(others)) == (12, 6)
    assert not set(first["ranking_id"]) & set(others["ranking_id"])
    assert shuffled(table).equals(shuffled(table))
