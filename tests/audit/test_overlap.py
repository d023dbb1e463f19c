"""Dawid and Skene with annotators whose skill is known, and the consensus without oneself."""

import numpy as np
import pandas as pd
import pytest
from judged import canonical

from rewardgate.audit.comparisons import comparisons_of
from rewardgate.audit.overlap import skills, votes_of, with_agreement


def simulated(truth: dict[str, float], items: int, seed: int) -> pd.DataFrame:
    rng, rows = np.random.default_rng(seed), []
    for item in range(items):
        right = rng.choice([-1, 1])
        rows += [
            (item, name, f"p{item}", "facts", right if rng.random() < skill else -right)
            for name, skill in truth.items()
        ]
    return pd.DataFrame(rows, columns=["item", "annotator", "prompt_id", "domain", "vote"])


def test_known_skills_are_found() -> None:
    truth = {"good": 0.9, "fair": 0.75, "random": 0.5, "backwards": 0.2}
    found = skills(simulated(truth, items=4000, seed=1))
    assert found.to_dict() == pytest.approx(truth, abs=0.03)


def votes(*by_item: dict[str, int]) -> pd.DataFrame:
    rows = [
        (item, name, f"p{item}", "facts", vote)
        for item, one in enumerate(by_item)
        for name, vote in one.items()
    ]
    return pd.DataFrame(rows, columns=["item", "annotator", "prompt_id", "domain", "vote"])


def test_agreement_is_with_the_others_alone() -> None:
    skill = pd.Series({"a": 0.8, "b": 0.8, "c": 0.8})
    found = with_agreement(votes({"a": 1, "b": 1, "c": -1}), skill)
    assert found["agree"].tolist() == [0.5, 0.5, 0.0]
    assert found["others_agree"].tolist() == [0.25, 0.25, 0.5]


def test_an_annotator_who_ranks_backwards_is_read_backwards() -> None:
    skill = pd.Series({"a": 0.8, "b": 0.7, "c": 0.1})
    found = with_agreement(votes({"a": 1, "b": 1, "c": -1}), skill)
    assert found["agree"].tolist() == [1.0, 1.0, 0.0]


def test_votes_need_a_second_annotator_and_a_side() -> None:
    table = canonical(
        [
            ("p", "ada", "k", "x", 1), ("p", "ada", "k", "y", 2),
            ("p", "ben", "l", "x", 2), ("p", "ben", "l", "y", 1),
            ("q", "ada", "m", "x", 1), ("q", "ada", "m", "y", 2),
            ("r", "ada", "n", "x", 1), ("r", "ada", "n", "y", 2),
            ("r", "ada", "o", "x", 2), ("r", "ada", "o", "y", 1),
            ("r", "ben", "q", "x", 2), ("r", "ben", "q", "y", 1),
        ]
    )  # fmt: skip
    found = votes_of(comparisons_of(table))
    assert found[["annotator", "prompt_id", "vote"]].to_numpy().tolist() == [
        ["ada", "p", 1], ["ben", "p", -1],
    ]  # fmt: skip
