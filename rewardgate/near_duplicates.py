"""Groups of prompts that are nearly the same text.

MinHash with banding (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3) names
candidates, which are confirmed on their whole sets of shingles. Where a template gives many texts
one key, their rare shingles tell which can be alike (see `rare_shingles`). The keys of each band
lie in a file and are sorted one band after another, so that little is held of each text.
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
from rewardgate.rare_shingles import rare_shingles
from rewardgate.shingles import ShingleSets, sets_of

PROMPTS_AT_ONCE = 10_000
PAIRS_AT_ONCE = 20_000
CROWD = 100
"""Texts of one key that are compared with each other without further ado."""

MISS = 0.02
"""Chance that two texts just similar enough are no candidates."""

SEED = 2
"""Of the permutations."""


Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Texts (pairs,) and other texts (pairs,)."""


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
                key = np.fromfile(stream, np.uint64)
                group[:] = _names(group, group)
                for left, right in _candidates(key, sets, similarity, group):
                    alike = sets.similarity_reached(left, right, similarity)
                    _unite(group, left[alike], right[alike])
    _, first, label = np.unique(_names(group, group), return_index=True, return_inverse=True)
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
    keys: NDArray[np.uint64], sets: ShingleSets, similarity: float, group: NDArray[np.int64]
) -> Iterator[Pairs]:
    """Pairs of texts with one key that may be alike and are in no group together by then.

    A key that many texts have, as those of a template do, would take time that grows with the
    square of their number. Such texts are compared with a few others first, which joins copies;
    what is left is divided by its rare shingles.
    """
    _, key, counts = np.unique(keys, return_inverse=True, return_counts=True)
    texts_of_key = counts[key]
    few = np.flatnonzero((texts_of_key > 1) & (texts_of_key <= CROWD))
    yield from _pairs(few, keys[few], group, CROWD)
    crowd = np.flatnonzero(texts_of_key > CROWD)
    for most in (1, 16):
        yield from _pairs(crowd, keys[crowd], group, most)
    crowd = crowd[_divided(keys[crowd], _names(group, crowd))]
    if not len(crowd):
        return
    for places, shingles in rare_shingles(sets, crowd, similarity):
        texts = crowd[places]
        yield from _pairs(texts, keys[texts] ^ shingles, group, len(texts))


def _pairs(
    texts: NDArray[np.int64], keys: NDArray[np.uint64], group: NDArray[np.int64], most: int
) -> Iterator[Pairs]:
    """Pairs of texts with one key and of different groups, each text with at most so many after it.

    texts, keys: (entries,); group: of all texts, to which unions may be added meanwhile
    """
    name = _names(group, texts)
    order = np.lexsort((name, keys))
    name, keys, texts = name[order], keys[order], texts[order]
    first_of_key = np.diff(keys, prepend=~keys[:1]) != 0
    next_key = _next(first_of_key)
    other = _next(first_of_key | (np.diff(name, prepend=-1) != 0))
    at = np.arange(len(texts))
    for _ in range(most):
        at = at[other[at] < next_key[at]]
        if not len(at):
            return
        for start in range(0, len(at), PAIRS_AT_ONCE):
            some = at[start : start + PAIRS_AT_ONCE]
            left, right = texts[some], texts[other[some]]
            undecided = _names(group, left) != _names(group, right)
            if undecided.any():
                yield left[undecided], right[undecided]
        other[at] += 1


def _next(first: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Where the run after each place begins: (n,), given whether a run begins there."""
    starts = np.append(np.flatnonzero(first), len(first))
    return starts[np.cumsum(first)]


def _divided(keys: NDArray[np.uint64], names: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the texts with each one's key are of several groups: (n,)."""
    _, first, key = np.unique(keys, return_index=True, return_inverse=True)
    differs = np.zeros(len(first), np.bool_)
    differs[key[names != names[first[key]]]] = True
    return differs[key]


def _names(group: NDArray[np.int64], texts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The least member of the group of each of some texts.

    group: of every text a member of its group that is not greater, of the least one itself
    """
    names = group[texts]
    while (group[names] != names).any():
        names = group[names]
    return names


def _unite(group: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]) -> None:
    """Join the groups of each pair."""
    parent: dict[int, int] = {}

    def root(one: int) -> int:
        while parent.get(one, one) != one:
            one = parent[one]
        return one

    pairs = zip(_names(group, left).tolist(), _names(group, right).tolist(), strict=True)
    for one, other in pairs:
        small, large = sorted((root(one), root(other)))
        parent[large] = small
    for one in parent:
        group[one] = root(one)
