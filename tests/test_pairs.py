"""Pairs are all comparisons of a ranking, and nothing else."""

from itertools import combinations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.pairs import pairs_of


def table(rankings: list[list[int]]) -> pd.DataFrame:
    rows = [
        {"ranking_id": f"k{i}", "prompt_id": f"p{i}", "domain": "facts", "rank": rank}
        for i, ranks in enumerate(rankings)
        for rank in ranks
    ]
    return pd.DataFrame(rows, columns=["ranking_id", "prompt_id", "domain", "rank"])


def test_hand_computed_ranking_with_a_tie() -> None:
    pairs = pairs_of(table([[2, 1, 2, 4]]))
    got = set(zip(pairs["chosen"], pairs["rejected"], pairs["rank_distance"], strict=True))
    assert got == {(1, 0, 1), (1, 2, 1), (1, 3, 3), (0, 3, 2), (2, 3, 2)}


def test_positions_not_labels_and_interleaved_rankings() -> None:
    frame = table([[1, 2], [2, 1]]).iloc[[2, 0, 3, 1]]
    pairs = pairs_of(frame)
    assert pairs["ranking_id"].tolist() == ["k1", "k0"]
    assert pairs["chosen"].tolist() == [2, 1]
    assert pairs["rejected"].tolist() == [0, 3]


def test_no_comparison_keeps_the_columns() -> None:
    for frame in (table([]), table([[1, 1]])):
        pairs = pairs_of(frame)
        assert len(pairs) == 0
        assert pairs.columns.tolist() == [
            "ranking_id", "prompt_id", "domain", "chosen", "rejected", "rank_distance",
        ]  # fmt: skip


@given(st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=7), max_size=8), st.randoms())
def test_complete_and_tie_free(rankings: list[list[int]], random: object) -> None:
    frame = table(rankings)
    order = list(range(len(frame)))
    random.shuffle(order)  # type: ignore[attr-defined]
    frame = frame.iloc[order].reset_index(drop=True)
    expected = {
        (a, b) if frame["rank"][a] < frame["rank"][b] else (b, a)
        for _, group in frame.groupby("ranking_id")
        for a, b in combinations(group.index, 2)
        if frame["rank"][a] != frame["rank"][b]
    }
    pairs = pairs_of(frame)
    assert len(pairs) == len(expected)
    assert set(zip(pairs["chosen"], pairs["rejected"], strict=True)) == expected
    assert np.all(pairs["rank_distance"] >= 1)
