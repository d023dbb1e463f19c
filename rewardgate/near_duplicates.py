"""Groups of prompts that are nearly the same text.

Two sets of shingles that share enough must share one of their rarest (prefix filtering: Chaudhuri,
Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007). So each text is listed under its rarest
shingles alone, texts in one list are compared on their whole sets, and no pair is missed. What
many prompts begin with makes no long list, for its shingles are not rare.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rewardgate.normalise import matching_form
from rewardgate.shingles import ShingleSets

PROMPTS_AT_ONCE = 10_000
COUNTER_BITS = 25
"""Shingles are counted by so many bits of their hash: any order will do, a rarer one is faster."""

PARTITION_BITS = 4
"""Lists are sorted in 2^4 parts, by the first bits of their shingles."""

PAIRS_AT_ONCE = 20_000
LISTED = np.dtype([("shingle", "<u8"), ("text", "<i4")])


class Codes(NamedTuple):
    """Per prompt (prompts,): its matching form and its near-duplicate group, both counted from 0
    in order of appearance."""

    form: NDArray[np.int64]
    group: NDArray[np.int64]


def group_prompts(
    prompts: Iterable[str], similarity: float, shingle_chars: int
) -> NDArray[np.int64]:
    """The near-duplicate group of each prompt (prompts,), see `code_prompts`."""
    return code_prompts(prompts, similarity, shingle_chars).group


def code_prompts(prompts: Iterable[str], similarity: float, shingle_chars: int) -> Codes:
    """Number the matching forms and near-duplicate groups of a stream of prompts.

    Two prompts are near-duplicates if the sets of `shingle_chars`-character shingles of their
    matching forms have a Jaccard similarity of at least `similarity` (above 0, at most 1).
    Groups are the connected components, so members of one may be less alike than that. The
    partition depends neither on the order of the prompts nor on their repetition.
    """
    with tempfile.TemporaryDirectory(prefix="rewardgate-") as temporary:
        folder = Path(temporary)
        sets = ShingleSets(folder / "shingles", shingle_chars)
        try:
            counts = np.zeros(2**COUNTER_BITS, np.uint32)
            form = _number_forms(prompts, sets, counts)
            _list_rarest(sets, counts, similarity, folder)
            del counts
            group = _join(sets, similarity, folder)
        finally:
            sets.close()
    _, first, label = np.unique(group, return_index=True, return_inverse=True)
    by_appearance = np.argsort(np.argsort(first))
    return Codes(form, by_appearance[label][form])


def _number_forms(
    prompts: Iterable[str], sets: ShingleSets, counts: NDArray[np.uint32]
) -> NDArray[np.int64]:
    """Number the matching forms; add each new one to `sets` and its shingles to `counts`."""
    known = np.empty(0, np.uint64)  # hashes of the forms so far, sorted
    number_of = np.empty(0, np.int64)
    numbers: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    stream = iter(prompts)
    while batch := list(islice(stream, PROMPTS_AT_ONCE)):
        forms = {prompt: matching_form(prompt) for prompt in dict.fromkeys(batch)}
        hash_of = {form: _hash(form) for form in forms.values()}
        hashes = np.array([hash_of[forms[prompt]] for prompt in batch], np.uint64)
        fresh = [
            form
            for form, seen in zip(
                hash_of, _found(np.array(list(hash_of.values()), np.uint64), known), strict=True
            )
            if not seen
        ]
        shingles = sets.add(fresh)
        np.add.at(counts, _counter(shingles), 1)
        known = np.concatenate([known, np.array([hash_of[form] for form in fresh], np.uint64)])
        number_of = np.concatenate([number_of, np.arange(len(number_of), len(known))])
        order = np.argsort(known, kind="stable")
        known, number_of = known[order], number_of[order]
        numbers.append(number_of[np.searchsorted(known, hashes)])
    return np.concatenate(numbers)


def _hash(form: str) -> int:
    return int.from_bytes(hashlib.blake2b(form.encode(), digest_size=8).digest(), "big")


def _found(hashes: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(hashes), bool)
    at = np.searchsorted(known, hashes)
    return known[np.minimum(at, len(known) - 1)] == hashes


def _counter(shingles: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (shingles >> np.uint64(64 - COUNTER_BITS)).astype(np.int64)


def _list_rarest(
    sets: ShingleSets, counts: NDArray[np.uint32], similarity: float, folder: Path
) -> None:
    """Write each text under its rarest shingles, so many that similar texts must share one.

    Of sets x and y with that Jaccard similarity t at least ceil(t |x|) shingles are shared. So in
    any order of all shingles one is among the first |x| - ceil(t |x|) + 1 of x, and of y likewise.
    """
    lists = [open(folder / f"lists-{part}", "wb") for part in range(2**PARTITION_BITS)]  # noqa: SIM115
    for first, batch in sets.batches():
        rarest = []
        for one in batch:
            count = len(one) - int(np.ceil(similarity * len(one) - 1e-9)) + 1
            rarest.append(one[np.lexsort((one, counts[_counter(one)]))[:count]])
        listed = np.empty(sum(map(len, rarest)), LISTED)
        listed["shingle"] = np.concatenate(rarest)
        listed["text"] = np.repeat(
            np.arange(first, first + len(batch)), [len(one) for one in rarest]
        )
        part_of = listed["shingle"] >> np.uint64(64 - PARTITION_BITS)
        for part, stream in enumerate(lists):
            stream.write(listed[part_of == part].tobytes())
    for stream in lists:
        stream.close()


def _join(sets: ShingleSets, similarity: float, folder: Path) -> NDArray[np.int64]:
    """Per text the least text of its group."""
    group = np.arange(len(sets.ends) - 1)
    for part in range(2**PARTITION_BITS):
        listed = np.fromfile(folder / f"lists-{part}", LISTED)
        listed = listed[np.lexsort((listed["text"], listed["shingle"]))]
        for left, right in _candidates(listed, sets, similarity, group):
            alike = sets.similarity_reached(left, right, similarity)
            _unite(group, left[alike], right[alike])
    return group


def _candidates(
    listed: NDArray[np.void], sets: ShingleSets, similarity: float, group: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of texts in one list, first neighbours, then those two apart, and so on.

    What is in one group by then is left out, as are sets too different in size to be similar.
    """
    shingle, text = listed["shingle"], listed["text"].astype(np.int64)
    sizes = np.diff(sets.ends)
    compared = np.empty(0, np.int64)
    at = np.arange(len(text))
    apart = 1
    while len(at := at[at + apart < len(text)]):
        at = at[shingle[at] == shingle[at + apart]]
        pairs = np.unique(text[at] * len(sizes) + text[at + apart])
        pairs = pairs[~_found(pairs, compared)]
        left, right = np.divmod(pairs, max(len(sizes), 1))
        small, large = np.sort([sizes[left], sizes[right]], axis=0)
        pairs = pairs[(group[left] != group[right]) & (small >= similarity * large)]
        for start in range(0, len(pairs), PAIRS_AT_ONCE):
            left, right = np.divmod(pairs[start : start + PAIRS_AT_ONCE], len(sizes))
            undecided = group[left] != group[right]
            if undecided.any():
                yield left[undecided], right[undecided]
        compared = np.union1d(compared, pairs)
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
