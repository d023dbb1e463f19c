"""Shingle sets of many texts, kept in a file: 8 bytes a shingle are too many to hold.

A shingle is a 64-bit hash of so many characters. Several sets lie in one array, `shingles`, each
sorted, beginning at `starts` (sets,).
"""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

SEED = 1
"""Of the keys of the multilinear hash, one for each character of a shingle."""

PARITY_WORDS = 8
"""64-bit words of each set's parities."""


def sets_of(texts: Sequence[str], chars: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The sets of texts: `shingles` and `starts`."""
    keys = np.random.default_rng(SEED).integers(2**64, size=chars, dtype=np.uint64)
    sets = [_shingles(text, keys) for text in texts]
    lengths = np.array([len(one) for one in sets], np.int64)
    return np.concatenate([np.empty(0, np.uint64), *sets]), np.cumsum(lengths) - lengths


class ShingleSets:
    """The set of shingles of each text that was added.

    Held are the sizes and, for each of 512 cells, the parity of the number of shingles that fall
    into it. Two sets differ in at least as many shingles as they have parities that differ, which
    settles most comparisons without reading the sets.
    """

    def __init__(self, path: Path) -> None:
        self._file = open(path, "w+b")  # noqa: SIM115  (closed when the block ends)
        self._added: list[tuple[NDArray[Any], ...]] = []  # starts, sizes and parities of sets
        self._sets = self._shingles = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._sets

    def add(self, shingles: NDArray[np.uint64], starts: NDArray[np.int64]) -> None:
        """Append sets, at least one."""
        self._file.write(shingles.tobytes())
        self._file.flush()
        cell, bit = shingles >> np.uint64(61), (shingles >> np.uint64(55)) & np.uint64(63)
        bits = np.zeros((len(shingles), PARITY_WORDS), np.uint64)
        bits[np.arange(len(shingles)), cell.astype(np.int64)] = np.uint64(1) << bit
        parities = np.bitwise_xor.reduceat(bits, starts)
        sizes = np.diff(starts, append=len(shingles))
        self._added.append((self._shingles + starts, sizes, parities))
        self._sets += len(starts)
        self._shingles += len(shingles)

    def _known(self) -> tuple[NDArray[Any], ...]:
        """Starts, sizes and parities of all sets; they are joined when they are first asked for."""
        if len(self._added) > 1:
            self._added = [
                tuple(np.concatenate(arrays) for arrays in zip(*self._added, strict=True))
            ]
        return self._added[0]

    def similarity_reached(
        self, left: NDArray[np.int64], right: NDArray[np.int64], similarity: float
    ) -> NDArray[np.bool_]:
        """Whether the Jaccard similarity of each pair of texts (pairs,) is at least that."""
        _, sizes, parities = self._known()
        differ = np.bitwise_count(parities[left] ^ parities[right]).sum(axis=1, dtype=np.int64)
        both = sizes[left] + sizes[right]
        reached = both - differ >= similarity * (both + differ)
        maybe = np.flatnonzero(reached)
        if len(maybe):
            one, other = left[maybe], right[maybe]
            shared = self._shared(one, other)
            reached[maybe] = shared >= similarity * (both[maybe] - shared)
        return reached

    def _shared(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many shingles each pair of texts (pairs,) has in common."""
        texts, at = np.unique(np.concatenate([left, right]), return_inverse=True)
        sets = [self.read(text) for text in texts.tolist()]
        vocabulary, columns = np.unique(np.concatenate(sets), return_inverse=True)
        ends = np.concatenate([[0], np.cumsum([len(one) for one in sets])])
        incidence = csr_array(
            (np.ones(len(columns), np.int32), columns, ends), (len(texts), len(vocabulary))
        )
        one, other = incidence[at[: len(left)]], incidence[at[len(left) :]]
        return one.multiply(other).sum(axis=1)

    def read(self, text: int) -> NDArray[np.uint64]:
        """The set of a text, sorted."""
        starts, sizes, _ = self._known()
        place, length = int(starts[text]), int(sizes[text])
        return np.frombuffer(os.pread(self._file.fileno(), 8 * length, 8 * place), np.uint64)


def _shingles(text: str, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The sorted set of shingles of len(keys) characters; a shorter text is one shingle."""
    characters = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    width = min(len(keys), len(characters))
    hashes = sum(
        (characters[at : len(characters) - width + at + 1] * keys[at] for at in range(width)),
        start=np.zeros(len(characters) - width + 1, np.uint64),
    )
    return np.unique(hashes)
