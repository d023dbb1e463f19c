"""Against length as a shortcut: what keeps a model from paying for words.

The length of a response is its number of whitespace words; logs are of 1 + words, so that an empty
response has a length too.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_expit

Floats = NDArray[np.float64]

PAIRS_PER_BIN = 50
"""A bin of fewer pairs says little about how often the longer response wins; take fewer bins."""


def balanced_weights(
    words_chosen: ArrayLike,
    words_rejected: ArrayLike,
    weights: ArrayLike,
    cap: float = 5.0,
    bins: int = 10,
) -> Floats:
    """Weights (p,) under which a longer response wins as often as it loses, at any length gap.

    Pairs of unequal length are cut into quantile bins of |log length ratio|. Within a bin, the
    pairs whose chosen response is longer and those whose chosen response is shorter are scaled to
    half of its weight each. So neither the sign nor the size of the gap tells the winner, and each
    bin keeps its total weight. Equal lengths keep their weights, and so does a bin where one side
    has no weight.

    words_chosen, words_rejected: (p,) lengths of the two responses of each pair
    weights: (p,) >= 0
    cap: largest factor on a pair, >= 1; a bin whose rarer side holds a share below 1 / (2 cap) is
        balanced only as far as that
    bins: number of bins, fewer where one would hold less than PAIRS_PER_BIN pairs
    """
    chosen, rejected = np.asarray(words_chosen, float), np.asarray(words_rejected, float)
    result = np.array(weights, dtype=float)
    unequal = np.flatnonzero(chosen != rejected)
    if not len(unequal):
        return result
    gap = np.abs(np.log1p(chosen) - np.log1p(rejected))[unequal]
    bins = max(1, min(bins, len(unequal) // PAIRS_PER_BIN))
    edges = np.quantile(gap, np.arange(1, bins) / bins)
    bin_of = np.searchsorted(edges, gap, side="right")
    longer = (chosen > rejected)[unequal].astype(int)
    sides = np.zeros((bins, 2))
    np.add.at(sides, (bin_of, longer), result[unequal])
    result[unequal] *= _factors(sides, cap)[bin_of, longer]
    return result


def _factors(sides: Floats, cap: float) -> Floats:
    """Factors (b, 2) that even out the weights (b, 2) of the two sides of each bin, up to `cap`."""
    factors = np.ones_like(sides)
    filled = sides.min(axis=1) > 0
    rare, common = sides[filled].min(axis=1), sides[filled].max(axis=1)
    up = np.minimum(cap, (rare + common) / 2 / rare)
    down = (rare + common - up * rare) / common
    is_rare = sides[filled] == rare[:, None]
    factors[filled] = np.where(is_rare, up[:, None], down[:, None])
    return factors


def length_effect(words_chosen: ArrayLike, words_rejected: ArrayLike) -> float:
    """The b of P(chosen wins) = sigmoid(b log length ratio) that fits best, every pair alike.

    In BT logits for each unit of log length; between -10 and 10, so that pairs which length alone
    decides have a value too. 0 if every pair is of equal lengths.

    words_chosen, words_rejected: (p,) lengths of the two responses of each pair
    Source: Bradley and Terry 1952 with the length as the only feature; the fitted part as a fixed
    offset while the rest is learnt is the offset of a generalised linear model (McCullagh and
    Nelder 1989, section 6.3.1), as length-controlled AlpacaEval (Dubois et al. 2024) takes the
    length term out of a fitted win rate.
    """
    gap = np.log1p(np.asarray(words_chosen, float)) - np.log1p(np.asarray(words_rejected, float))
    if not gap.any():
        return 0.0
    fit = minimize_scalar(lambda b: -log_expit(b * gap).sum(), bounds=(-10, 10), method="bounded")
    return float(fit.x)
