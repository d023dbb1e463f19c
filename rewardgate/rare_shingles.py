"""Which of many sets can be alike at all, told by their rarest members.

If the Jaccard similarity of x and y is at least s, they share at least s |x| and s |y| members. So,
in whatever order all members are put, the first |x| - ceil(s |x|) + 1 of x and the first
|y| - ceil(s |y|) + 1 of y have one in common: the prefix filter (Chaudhuri, Ganti and Kaushik 2006,
"A Primitive Operator for Similarity Joins in Data Cleaning"; Bayardo, Ma and Srikant 2007, "Scaling
Up All Pairs Similarity Search"). With the rarest first, few sets do: what a template brings along
stands in all of its sets and tells nothing.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rewardgate.shingles import ShingleSets

SETS_AT_ONCE = 20_000

ENTRIES_AT_ONCE = 8_000_000
"""Members that are held at a time, about."""

CELL_BITS = 22
"""Frequencies are counted in as many cells, by hash: any order will do, a good one is cheap."""


def rare_shingles(
    sets: ShingleSets, texts: NDArray[np.int64], similarity: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint64]]]:
    """The rarest shingles of each of some texts, rare among these texts, in several parts.

    Yields places in `texts` (entries,) and a shingle at each; all entries of a shingle are in one
    part. Two texts with a Jaccard similarity of at least `similarity` have one in common.
    """
    count = np.zeros(2**CELL_BITS, np.int64)
    held = 0
    for _, shingles, _ in _read(sets, texts):
        held += len(shingles)
        count += np.bincount(_cells(shingles), minlength=len(count))
    parts = np.uint64(1 + held // ENTRIES_AT_ONCE)
    for part in range(int(parts)):
        entries = []
        for first, shingles, sizes in _read(sets, texts):
            place = np.repeat(np.arange(len(sizes)), sizes)
            order = np.lexsort((shingles, count[_cells(shingles)], place))
            within = np.arange(len(shingles)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            prefix = sizes - np.ceil(similarity * sizes - 1e-9).astype(np.int64) + 1
            rare = order[within < np.repeat(prefix, sizes)]
            rare = rare[shingles[rare] % parts == part]
            entries.append((first + place[rare], shingles[rare]))
        places, members = (np.concatenate(arrays) for arrays in zip(*entries, strict=True))
        yield places, members


def _read(
    sets: ShingleSets, texts: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.uint64], NDArray[np.int64]]]:
    """Place of the first of some texts, the shingles of all of them and how many each has."""
    for first in range(0, len(texts), SETS_AT_ONCE):
        found = [sets.read(text) for text in texts[first : first + SETS_AT_ONCE].tolist()]
        yield first, np.concatenate(found), np.array([len(one) for one in found])


def _cells(shingles: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (shingles >> np.uint64(64 - CELL_BITS)).astype(np.int64)
