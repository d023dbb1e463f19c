"""Groups of prompts that are nearly the same text."""

from collections.abc import Iterator, Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rewardgate.normalise import matching_form

MISS_WEIGHT = 0.98
"""Candidates are confirmed, so LSH is tuned to miss few (1 to 2 % at the threshold, 128 hashes)."""

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
    Datasets, chapter 3) and are confirmed on the whole sets: no false positives, few misses.
    The partition depends neither on the order of the prompts nor on their repetition.

    Returns an array of shape (len(prompts),).
    """
    forms = [matching_form(prompt) for prompt in prompts]
    texts = list(dict.fromkeys(forms))
    keys = np.random.default_rng(seed).integers(2**64, size=shingle_chars, dtype=np.uint64)
    shingles = [_shingles(text, keys) for text in texts]
    group = np.arange(len(texts))
    if len(texts) > 1:
        for text, alike in _near(shingles, similarity, permutations, seed, group):
            group[np.isin(group, group[alike])] = group[text]
    label: dict[int, int] = {}
    group_of = {
        text: label.setdefault(int(group[index]), len(label)) for index, text in enumerate(texts)
    }
    return np.array([group_of[form] for form in forms], dtype=np.int64)


def _near(
    shingles: list[NDArray[np.uint64]],
    similarity: float,
    permutations: int,
    seed: int,
    group: NDArray[np.int64],
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each text with the earlier near-duplicates that are not yet in its `group`."""
    index = MinHashLSH(
        threshold=min(similarity, MAX_LSH_THRESHOLD),
        num_perm=permutations,
        weights=(1 - MISS_WEIGHT, MISS_WEIGHT),
    )
    sketches = MinHash.generator(
        (hashes.astype(np.uint32).tolist() for hashes in shingles),
        num_perm=permutations,
        seed=seed,
        hashfunc=int,
    )
    sizes = np.array([len(hashes) for hashes in shingles])
    vocabulary, columns = np.unique(np.concatenate(shingles), return_inverse=True)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    incidence = csr_array((np.ones(len(columns), np.int32), columns, ends))
    own = np.zeros(len(vocabulary), np.int32)
    for text, sketch in enumerate(sketches):
        found = np.array(index.query(sketch), dtype=np.int64)
        index.insert(text, sketch, check_duplication=False)
        others = found[group[found] != group[text]]
        if len(others):
            mine = columns[ends[text] : ends[text + 1]]
            own[mine] = 1
            shared = incidence[others] @ own
            own[mine] = 0
            yield text, others[shared >= similarity * (sizes[others] + sizes[text] - shared)]


def _shingles(text: str, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The set of shingles of len(keys) characters, each as a 64-bit multilinear hash.

    A text shorter than that is one shingle.
    """
    characters = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    width = min(len(keys), len(characters))
    hashes = sum(
        (characters[at : len(characters) - width + at + 1] * keys[at] for at in range(width)),
        start=np.zeros(len(characters) - width + 1, np.uint64),
    )
    return np.unique(hashes)
