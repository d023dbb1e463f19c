"""Shingle sets of many texts, kept in a file: 8 bytes a shingle are too many to hold."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

SEED = 1
"""Of the keys of the multilinear hash, one for each character of a shingle."""

READ_AT_ONCE = 4_000_000
"""Shingles."""


class ShingleSets:
    """The set of shingles of each text that was added, each shingle a 64-bit multilinear hash."""

    def __init__(self, path: Path, chars: int) -> None:
        self._keys = np.random.default_rng(SEED).integers(2**64, size=chars, dtype=np.uint64)
        self._file = open(path, "w+b")  # noqa: SIM115  (closed by `close`)
        self._sizes: list[int] = []
        self._ends: NDArray[np.int64] | None = None

    def close(self) -> None:
        self._file.close()

    def add(self, texts: Sequence[str]) -> NDArray[np.uint64]:
        """Append texts; returns their shingles one after another."""
        sets = [_shingles(text, self._keys) for text in texts]
        self._sizes += map(len, sets)
        self._ends = None
        shingles = np.concatenate([*sets, np.empty(0, np.uint64)])
        self._file.write(shingles)
        return shingles

    @property
    def ends(self) -> NDArray[np.int64]:
        """Where the set of each text ends in the file (texts + 1,), beginning with 0."""
        if self._ends is None:
            self._file.flush()
            self._ends = np.concatenate([[0], np.cumsum(self._sizes, dtype=np.int64)])
        return self._ends

    def batches(self) -> Iterator[tuple[int, list[NDArray[np.uint64]]]]:
        """The sets in order, with the number of the first, some at a time."""
        ends = self.ends
        first = 0
        while first + 1 < len(ends):
            last = max(first + 1, int(np.searchsorted(ends, ends[first] + READ_AT_ONCE)) - 1)
            last = min(last, len(ends) - 1)
            read = self._read(int(ends[first]), int(ends[last]))
            yield first, np.split(read, ends[first + 1 : last] - ends[first])
            first = last

    def similarity_reached(
        self, left: NDArray[np.int64], right: NDArray[np.int64], similarity: float
    ) -> NDArray[np.bool_]:
        """Whether the Jaccard similarity of each pair of texts (pairs,) is at least that."""
        ends = self.ends
        texts, at = np.unique(np.concatenate([left, right]), return_inverse=True)
        sets = [self._read(int(ends[text]), int(ends[text + 1])) for text in texts.tolist()]
        sizes = np.array([len(one) for one in sets])
        vocabulary, columns = np.unique(np.concatenate(sets), return_inverse=True)
        ones = np.ones(len(columns), np.int32)
        incidence = csr_array(
            (ones, columns, np.concatenate([[0], np.cumsum(sizes)])), (len(texts), len(vocabulary))
        )
        one, other = at[: len(left)], at[len(left) :]
        shared = incidence[one].multiply(incidence[other]).sum(axis=1)
        return shared >= similarity * (sizes[one] + sizes[other] - shared)

    def _read(self, start: int, end: int) -> NDArray[np.uint64]:
        return np.frombuffer(os.pread(self._file.fileno(), 8 * (end - start), 8 * start), np.uint64)


def _shingles(text: str, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The sorted set of shingles of len(keys) characters; a shorter text is one shingle."""
    characters = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    width = min(len(keys), len(characters))
    hashes = sum(
        (characters[at : len(characters) - width + at + 1] * keys[at] for at in range(width)),
        start=np.zeros(len(characters) - width + 1, np.uint64),
    )
    return np.unique(hashes)
