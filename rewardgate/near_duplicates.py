"""Groups of prompts that are nearly the same text.

MinHash with banding (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3) names
candidates, which are confirmed on their whole sets of shingles. The keys of each band lie in a file
and are sorted one band after another, so that little is held of each text.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rewardgate.normalise import matching_form, text_hash
from rewardgate.shingles import ShingleSets, sets_of

PROMPTS_AT_ONCE = 10_000
PAIRS_AT_ONCE = 20_000
MISS = 0.02
"""Chance that two texts just similar enough are no candidates."""

SEED = 2
"""Of the permutations."""


class Sketch(NamedTuple):
    """What is to be known of some prompts, each by itself.

    prompts: (prompts,) hash of the matching form of each; forms: (forms,) the distinct ones of
    these, in order of appearance; shingles, starts: their sets (see `shingles`); keys: (bands,
    forms) their MinHash keys
    """

    prompts: NDArray[np.uint64]
    forms: NDArray[np.uint64]
    shingles: NDArray[np.uint64]
    starts: NDArray[np.int64]
    keys: NDArray[np.uint64]


class Codes(NamedTuple):
    """Per prompt (prompts,): its matching form and its near-duplicate group, both counted from 0
    in order of appearance."""

    form: NDArray[np.int64]
    group: NDArray[np.int64]


def group_prompts(
    prompts: Iterable[str], similarity: float, shingle_chars: int, permutations: int
) -> NDArray[np.int64]:
    """The near-duplicate group of each prompt (prompts,), see `code_sketches`."""
    stream = iter(prompts)
    batches = iter(lambda: list(islice(stream, PROMPTS_AT_ONCE)), [])
    sketches = (sketch(batch, similarity, shingle_chars, permutations) for batch in batches)
    return code_sketches(sketches, similarity, permutations).group


def sketch(
    prompts: Sequence[str], similarity: float, shingle_chars: int, permutations: int
) -> Sketch:
    """Sketch prompts for `code_sketches`, which must be given the same settings."""
    form_of = {prompt: matching_form(prompt) for prompt in dict.fromkeys(prompts)}
    hash_of = {form: text_hash(form) for form in form_of.values()}
    hashes = np.array([hash_of[form_of[prompt]] for prompt in prompts], np.uint64)
    shingles, starts = sets_of(list(hash_of), shingle_chars)
    keys = min_hashes(shingles, starts, *bands_of(similarity, permutations))
    return Sketch(hashes, np.array(list(hash_of.values()), np.uint64), shingles, starts, keys)


def code_sketches(sketches: Iterable[Sketch], similarity: float, permutations: int) -> Codes:
    """Number the matching forms and near-duplicate groups of prompts sketched bit by bit.

    Two prompts are near-duplicates if the sets of `shingle_chars`-character shingles of their
    matching forms have a Jaccard similarity of at least `similarity` (above 0, at most 1).
    Groups are the connected components, so members of one may be less alike than that. There are
    no false positives and few misses. The partition depends neither on the order of the prompts
    nor on their repetition.
    """
    with tempfile.TemporaryDirectory(prefix="rewardgate-") as temporary:
        folder = Path(temporary)
        bands, _ = bands_of(similarity, permutations)
        with ShingleSets(folder / "shingles") as sets, ExitStack() as stack:
            keys = [stack.enter_context(open(folder / f"{band}", "w+b")) for band in range(bands)]
            form = _number_forms(sketches, sets, keys)
            group = np.arange(len(sets))
            for stream in keys:
                stream.seek(0)
                for left, right in _candidates(np.fromfile(stream, np.uint64), group):
                    alike = sets.similarity_reached(left, right, similarity)
                    _unite(group, left[alike], right[alike])
    _, first, label = np.unique(group, return_index=True, return_inverse=True)
    by_appearance = np.argsort(np.argsort(first))
    return Codes(form, by_appearance[label][form])


def bands_of(similarity: float, permutations: int) -> tuple[int, int]:
    """Bands and their rows: as many rows as keep the chance of a miss, (1 - s^rows)^bands, low."""
    allowed = [
        rows
        for rows in range(1, permutations + 1)
        if (1 - similarity**rows) ** (permutations // rows) <= MISS
    ]
    rows = max(allowed, default=1)
    return permutations // rows, rows


def min_hashes(
    shingles: NDArray[np.uint64], starts: NDArray[np.int64], bands: int, rows: int
) -> NDArray[np.uint64]:
    """MinHash keys (bands, sets): equal keys of a band make two sets candidates."""
    random = np.random.default_rng(SEED)
    factors = random.integers(2**31, size=(bands, rows), dtype=np.uint32) * 2 + 1
    terms = random.integers(2**32, size=(bands, rows), dtype=np.uint32)
    weights = random.integers(2**64, size=rows, dtype=np.uint64)
    short = shingles.astype(np.uint32)
    keys = np.zeros((bands, len(starts)), np.uint64)
    for key, *of_band in zip(keys, factors, terms, strict=True):
        for factor, term, weight in zip(*of_band, weights, strict=True):
            key += np.minimum.reduceat(short * factor + term, starts) * weight
    return keys


def _number_forms(
    sketches: Iterable[Sketch], sets: ShingleSets, keys: Sequence[IO[bytes]]
) -> NDArray[np.int64]:
    """Number the matching forms; add each new one to `sets` and its keys to the files."""
    known = _Numbered()
    numbers: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    for one in sketches:
        number = known.find(one.forms)
        fresh = number < 0
        if fresh.any():
            lengths = np.diff(one.starts, append=len(one.shingles))
            kept = lengths[fresh]
            sets.add(one.shingles[np.repeat(fresh, lengths)], np.cumsum(kept) - kept)
            for file, key in zip(keys, one.keys, strict=True):
                file.write(key[fresh].tobytes())
            number[fresh] = known.add(one.forms[fresh])
        order = np.argsort(one.forms)
        numbers.append(number[order][np.searchsorted(one.forms[order], one.prompts)])
    return np.concatenate(numbers)


class _Numbered:
    """Hashes, numbered from 0 in the order in which they were added.

    They lie in sorted runs, each more than twice as long as the next, so that adding is not a
    matter of sorting all of them again.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []
        self._count = 0

    def find(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The number of each; -1 for what was not added."""
        found = np.full(len(hashes), -1)
        for known, numbers in self._runs:
            at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
            found = np.where(known[at] == hashes, numbers[at], found)
        return found

    def add(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Add hashes, at least one and none of them known; returns their numbers."""
        added = np.arange(self._count, self._count + len(hashes))
        self._count += len(hashes)
        run = (hashes, added)
        while self._runs and len(self._runs[-1][0]) <= 2 * len(run[0]):
            known, numbers = self._runs.pop()
            run = np.concatenate([known, run[0]]), np.concatenate([numbers, run[1]])
        order = np.argsort(run[0], kind="stable")
        self._runs.append((run[0][order], run[1][order]))
        return added


def _candidates(
    keys: NDArray[np.uint64], group: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of texts with one key, first neighbours, then those two apart, and so on.

    What is in one group by then is left out.
    """
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    at = np.arange(len(keys))
    apart = 1
    while len(at := at[: np.searchsorted(at, len(keys) - apart)]):
        at = at[keys[at] == keys[at + apart]]
        for start in range(0, len(at), PAIRS_AT_ONCE):
            left, right = (order[at[start : start + PAIRS_AT_ONCE] + step] for step in (0, apart))
            undecided = group[left] != group[right]
            if undecided.any():
                yield left[undecided], right[undecided]
        apart += 1


def _unite(group: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]) -> None:
    """Join the groups of each pair; `group` names the least member of each group."""
    if not len(left):
        return
    parent: dict[int, int] = {}

    def root(one: int) -> int:
        while parent.get(one, one) != one:
            one = parent[one]
        return one

    for one, other in zip(group[left].tolist(), group[right].tolist(), strict=True):
        small, large = sorted((root(one), root(other)))
        parent[large] = small
    moved = np.array(sorted(parent), np.int64)
    target = np.arange(len(group))
    target[moved] = [root(one) for one in moved.tolist()]
    group[:] = target[group]
