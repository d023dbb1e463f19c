"""Rankings as comparisons: every pair of a ranking, decided or tied."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def pairs_of(responses: pd.DataFrame) -> pd.DataFrame:
    """Return all comparisons within each ranking, ties excluded.

    `responses` is the canonical table, in any row order and with any index. The result has one
    row a comparison, grouped by ranking in order of first appearance:
    ranking_id, prompt_id, domain, chosen and rejected (int64 row positions, for `iloc` or a NumPy
    array, not index labels) and rank_distance (int32, >= 1; rank of rejected minus rank of chosen).
    """
    rank = responses["rank"].to_numpy(np.int32)
    left, right = _all_pairs(responses)
    decided = rank[left] != rank[right]
    left, right = left[decided], right[decided]
    left_wins = rank[left] < rank[right]
    chosen, rejected = np.where(left_wins, left, right), np.where(left_wins, right, left)
    pairs = responses[["ranking_id", "prompt_id", "domain"]].iloc[chosen].reset_index(drop=True)
    pairs["chosen"] = chosen
    pairs["rejected"] = rejected
    pairs["rank_distance"] = rank[rejected] - rank[chosen]
    return pairs


def ties_of(responses: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row positions (t,) and (t,) of the two sides of every tie within a ranking."""
    rank = responses["rank"].to_numpy(np.int32)
    left, right = _all_pairs(responses)
    tied = rank[left] == rank[right]
    return left[tied], right[tied]


def _all_pairs(responses: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row positions (pairs,) of both sides of each pair, ranking by ranking."""
    ranking = pd.factorize(responses["ranking_id"])[0]
    order = np.argsort(ranking, kind="stable")
    sizes = np.bincount(ranking)
    starts = np.cumsum(sizes) - sizes
    blocks: list[NDArray[np.int64]] = [np.empty((3, 0), dtype=np.int64)]
    for size in np.unique(sizes):
        codes = np.flatnonzero(sizes == size)
        rows = order[starts[codes][:, None] + np.arange(size)]
        first, second = np.triu_indices(size, k=1)
        left, right = rows[:, first].ravel(), rows[:, second].ravel()
        blocks.append(np.stack([np.repeat(codes, len(first)), left, right]))
    code, left, right = np.concatenate(blocks, axis=1)
    by_ranking = np.argsort(code, kind="stable")
    return left[by_ranking], right[by_ranking]
