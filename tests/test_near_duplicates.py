"""Near-duplicate prompts share a group; others do not."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from rewardgate import near_duplicates, rare_shingles
from rewardgate.near_duplicates import bands_of, group_prompts
from rewardgate.normalise import matching_form
from rewardgate.shingles import ShingleSets

Positions = NDArray[np.int64]


def group(prompts: list[str], similarity: float = 0.7) -> list[int]:
    return group_prompts(prompts, similarity, 5, 128).tolist()


def jaccard(left: str, right: str) -> float:
    a, b = (
        {form[i : i + 5] for i in range(max(len(form) - 4, 1))}
        for form in (matching_form(left), matching_form(right))
    )
    return len(a & b) / len(a | b)


BOOK = "Please write a short story about a lighthouse keeper who collects old clocks"


def test_near_duplicates_and_exact_repeats() -> None:
    prompts = [BOOK, "What is the capital of Peru?", f"{BOOK}!!", f"  {BOOK.upper()}, please", BOOK]
    assert group(prompts) == [0, 1, 0, 0, 0]


def test_similarity_is_the_threshold_on_exact_shingles() -> None:
    left, right = "abcdefgh", "abcdefgx"  # 4 shingles each, 3 shared: 3 / 5
    assert jaccard(left, right) == 0.6
    assert group([left, right], 0.6) == [0, 0]
    assert group([left, right], 0.61) == [0, 1]
    assert group([left, right, left.upper()], 1.0) == [0, 1, 0]


def test_groups_are_connected_components() -> None:
    words = BOOK.split()
    chain = [" ".join(words[i : i + 10]) for i in range(5)]
    assert (
        jaccard(chain[0], chain[4]) < 0.7 <= min(jaccard(chain[i], chain[i + 1]) for i in range(4))
    )
    assert group(chain) == [0] * 5
    assert group([chain[0], chain[4]]) == [0, 1]


def test_a_shared_template_below_the_threshold_is_no_group() -> None:
    random_ = random.Random(0)
    tails = ["".join(random_.choices("abcdefghijklmnopqrstuvwxyz", k=45)) for _ in range(60)]
    prompts = [f"{BOOK} and {tail}" for tail in tails]
    assert 0.4 < jaccard(prompts[0], prompts[1]) < 0.5
    assert group(prompts, 0.55) == list(range(60))


def test_short_symbolic_and_empty_prompts() -> None:
    assert group(["Hi", "hi!", "?!", "?!", ":)", "", " "]) == [0, 0, 1, 1, 2, 3, 3]
    assert group([]) == []


def test_few_misses_and_none_is_wrong_at_the_threshold() -> None:
    random_ = random.Random(0)
    words = ["".join(random_.choices("abcdefghijklmnopqrstuvwxyz", k=5)) for _ in range(2000)]
    pairs = []
    for _ in range(300):
        left = random_.sample(words, 40)
        right = left.copy()
        for at in random_.sample(range(40), 3):
            right[at] = random_.choice(words)
        pairs.append((" ".join(left), " ".join(right)))
    labels = group([text for pair in pairs for text in pair])
    alike = np.array([jaccard(*pair) >= 0.7 for pair in pairs])
    found = np.array([labels[2 * i] == labels[2 * i + 1] for i in range(len(pairs))])
    assert alike.sum() > 200
    assert not found[~alike].any()
    assert found[alike].mean() > 0.98


@given(
    st.lists(st.text("ab c", max_size=14), min_size=1, max_size=14),
    st.sampled_from([0.1, 0.34, 0.5, 0.7, 0.9, 1.0]),
    st.integers(1, 3),
    st.sampled_from([1, 100]),
)
@settings(max_examples=30)
def test_groups_are_those_of_comparing_every_prompt_with_every_other(
    prompts: list[str], similarity: float, at_once: int, crowd: int
) -> None:
    alike = [[jaccard(one, other) >= similarity for other in prompts] for one in prompts]
    _, expected = connected_components(np.array(alike))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_duplicates, "PROMPTS_AT_ONCE", at_once)
        patch.setattr(near_duplicates, "PAIRS_AT_ONCE", at_once)
        patch.setattr(near_duplicates, "MISS", 1e-12)
        patch.setattr(near_duplicates, "CROWD", crowd)
        patch.setattr(rare_shingles, "SETS_AT_ONCE", at_once)
        patch.setattr(rare_shingles, "ENTRIES_AT_ONCE", 5 * at_once)
        found = group_prompts(prompts, similarity, 5, 1024).tolist()
    assert found == group_of_first(expected)


def group_of_first(labels: Sequence[int]) -> list[int]:
    """The same groups, counted from 0 in order of appearance."""
    number = {label: at for at, label in enumerate(dict.fromkeys(labels))}
    return [number[label] for label in labels]


def test_as_many_rows_as_keep_misses_below_two_percent() -> None:
    # 25 bands of 5: (1 - 0.7^5)^25 = 0.010; 21 bands of 6: (1 - 0.7^6)^21 = 0.072
    assert bands_of(0.7, 128) == (25, 5)
    assert bands_of(1.0, 128) == (1, 128)
    assert bands_of(0.01, 16) == (16, 1)


def test_many_copies_of_one_prompt_beside_many_short_ones() -> None:
    copies = [f"{BOOK}, take {number}" for number in range(300)]
    short = [f"sum {number}" for number in range(300)]
    assert group(copies + short, 0.7)[:300] == [0] * 300


def test_what_is_compared_grows_with_the_prompts_of_a_template_and_not_with_their_square(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[int] = []
    reached = ShingleSets.similarity_reached

    def counted(
        sets: ShingleSets, left: Positions, right: Positions, similarity: float
    ) -> NDArray[np.bool_]:
        compared.append(len(left))
        return reached(sets, left, right, similarity)

    monkeypatch.setattr(ShingleSets, "similarity_reached", counted)
    random_ = random.Random(0)
    tails = ["".join(random_.choices("abcdefghijklmnopqrstuvwxyz", k=45)) for _ in range(2000)]
    each = []
    for prompts in (tails[:1000], tails):
        compared.clear()
        assert group([f"{BOOK} and {tail}" for tail in prompts]) == list(range(len(prompts)))
        each.append(sum(compared) / len(prompts))
    assert each[1] < 1.3 * each[0] < 400


@given(st.lists(st.text("ab c", min_size=6, max_size=14), min_size=1, max_size=12), st.randoms())
@settings(max_examples=30)
def test_partition_does_not_depend_on_order(prompts: list[str], random_: random.Random) -> None:
    order = list(range(len(prompts)))
    random_.shuffle(order)
    labels = group(prompts)
    shuffled = dict(zip(order, group([prompts[at] for at in order]), strict=True))
    for i in range(len(prompts)):
        for j in range(i):
            assert (labels[i] == labels[j]) == (shuffled[i] == shuffled[j])
