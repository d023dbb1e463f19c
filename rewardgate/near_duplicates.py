"""Groups of prompts that are nearly the same text."""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet

from rewardgate.normalise import matching_form

MISS_WEIGHT = 0.98
"""Candidates are confirmed exactly, so LSH is tuned to miss few (about 1 % at the threshold)."""

MAX_LSH_THRESHOLD = 0.95
"""Above it LSH has too few bands."""


def group_prompts(
    prompts: Sequence[str], similarity: float, shingle_chars: int, permutations: int, seed: int
) -> NDArray[np.int64]:
    """Label each prompt with its near-duplicate group, counted from 0 in order of appearance.

    Two prompts are near-duplicates if the sets of `shingle_chars`-character shingles of their
    matching forms have a Jaccard similarity of at least `similarity` (above 0, at most 1).
    Groups are the connected components, so members of one may be less alike than that.

    Candidate pairs come from MinHash LSH (Leskovec, Rajaraman and Ullman, Mining of Massive
    Datasets, chapter 3) and are confirmed on the exact sets: no false positives, few misses.
    The partition depends neither on the order of the prompts nor on their repetition.

    Returns an array of shape (len(prompts),).
    """
    forms = [matching_form(prompt) for prompt in prompts]
    texts = list(dict.fromkeys(forms))
    groups = DisjointSet(range(len(texts)))
    for left, right in _candidates(texts, similarity, shingle_chars, permutations, seed):
        if not groups.connected(left, right) and (
            _jaccard(texts[left], texts[right], shingle_chars) >= similarity
        ):
            groups.merge(left, right)
    label: dict[int, int] = {}
    group_of = {
        text: label.setdefault(groups[index], len(label)) for index, text in enumerate(texts)
    }
    return np.array([group_of[form] for form in forms], dtype=np.int64)


def _candidates(
    texts: list[str], similarity: float, shingle_chars: int, permutations: int, seed: int
) -> Iterator[tuple[int, int]]:
    index = MinHashLSH(
        threshold=min(similarity, MAX_LSH_THRESHOLD),
        num_perm=permutations,
        weights=(1 - MISS_WEIGHT, MISS_WEIGHT),
    )
    sketches = MinHash.generator(
        ([shingle.encode() for shingle in _shingles(text, shingle_chars)] for text in texts),
        num_perm=permutations,
        seed=seed,
        hashfunc=zlib.crc32,
    )
    for right, sketch in enumerate(sketches):
        for left in sorted(index.query(sketch)):
            yield left, right
        index.insert(right, sketch, check_duplication=False)


def _shingles(text: str, chars: int) -> set[str]:
    return {text[start : start + chars] for start in range(max(len(text) - chars + 1, 1))}


def _jaccard(left: str, right: str, chars: int) -> float:
    a, b = _shingles(left, chars), _shingles(right, chars)
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)
