"""Label noise where it is known, and contradictions and cycles by hand and against networkx."""

from itertools import permutations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged import canonical
from scipy.special import expit

from rewardgate.audit.comparisons import comparisons_of
from rewardgate.audit.noise import (
    consistency,
    noise_from_margins,
    noise_from_repeats,
    prompts_with_cycle,
)


def table(*rankings: tuple[str, str, str]) -> pd.DataFrame:
    """From (prompt_id, annotator, texts best first, a character each)."""
    return canonical(
        [
            (prompt, annotator, f"k{number}", text, rank)
            for number, (prompt, annotator, texts) in enumerate(rankings)
            for rank, text in enumerate(texts, start=1)
        ]
    )


def test_repeats_by_hand() -> None:
    """Two of eight label pairs differ: q = 0.25, e = (1 - sqrt(0.5)) / 2."""
    rankings = []
    for number in range(8):
        rankings.append((f"p{number}", "ada", "xy"))
        rankings.append((f"p{number}", "ben", "yx" if number < 2 else "xy"))
    found = noise_from_repeats(comparisons_of(table(*rankings)), 500, 0)
    assert found is not None
    assert found.estimate == pytest.approx((1 - np.sqrt(0.5)) / 2)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.estimate < found.high
    assert (found.prompts, found.pairs) == (8, 8)


def test_three_labels_of_an_item_are_three_pairs() -> None:
    """x > y twice and y > x once: two of three pairs of labels differ, q capped at 0.5."""
    found = noise_from_repeats(
        comparisons_of(table(("p", "a", "xy"), ("p", "b", "xy"), ("p", "c", "yx"))), 100, 0
    )
    assert found is not None
    assert (found.estimate, found.low, found.high) == (0.5, None, None)


def test_repeats_by_one_annotator_do_not_count() -> None:
    assert noise_from_repeats(
        comparisons_of(table(("p", "ada", "xy"), ("p", "ada", "yx"))), 100, 0
    ) is None  # fmt: skip


@pytest.mark.parametrize("flipped", [0.0, 0.1, 0.25])
def test_flipped_labels_are_found_beneath_close_calls(flipped: float) -> None:
    rng = np.random.default_rng(1)
    true = np.abs(rng.normal(0, 4, 12_000))
    agree = (rng.random(12_000) < expit(true)) ^ (rng.random(12_000) < flipped)
    prompts = pd.Series([f"p{i // 10}" for i in range(12_000)])
    found = noise_from_margins(0.3 * true * np.where(agree, 1, -1), prompts, 0)
    assert found is not None
    assert found.estimate == pytest.approx(flipped, abs=0.03)
    assert found.low is not None
    assert found.high is not None
    assert found.low - 0.005 <= flipped <= found.high + 0.005


def test_noise_is_unknown_where_the_consensus_is_at_chance() -> None:
    margins = np.random.default_rng(1).normal(size=2000)
    assert noise_from_margins(margins, pd.Series([f"p{i // 5}" for i in range(2000)]), 0) is None


def test_noise_is_unknown_with_one_prompt() -> None:
    assert noise_from_margins(np.array([1.0, 2.0]), pd.Series(["p", "p"]), 0) is None


def test_a_condorcet_cycle_and_its_contradictions() -> None:
    found = consistency(
        comparisons_of(
            table(("p", "a", "xyz"), ("p", "b", "yzx"), ("p", "c", "zxy"), ("q", "a", "xyz"))
        )
    )
    assert found == {
        "repeated_items": 3,
        "contradicted_items": 3,
        "contradicted_share": 1.0,
        "prompts": 2,
        "prompts_with_cycle": 1,
        "cycle_share": 0.5,
        "examples": ["p"],
    }


def test_an_even_split_is_no_cycle() -> None:
    assert prompts_with_cycle(comparisons_of(table(("p", "a", "xy"), ("p", "b", "yx")))) == []


@given(st.lists(st.tuples(st.sampled_from("pq"), st.sampled_from([
    "".join(order) for size in (2, 3, 4) for order in permutations("wxyz", size)
])), min_size=1, max_size=8))  # fmt: skip
def test_cycles_are_those_of_networkx(rankings: list[tuple[str, str]]) -> None:
    found = comparisons_of(table(*((prompt, "a", order) for prompt, order in rankings)))
    expected = []
    for prompt in "pq":
        graph = nx.DiGraph()
        orders = [order for at, order in rankings if at == prompt]
        for one, other in permutations("wxyz", 2):
            both = [order for order in orders if one in order and other in order]
            ahead = sum(order.index(one) < order.index(other) for order in both)
            if 2 * ahead > len(both):
                graph.add_edge(one, other)
        if not nx.is_directed_acyclic_graph(graph):
            expected.append(prompt)
    assert prompts_with_cycle(found) == expected
