"""What is said of each comparison, computed by hand."""

import numpy as np
import pytest
from judged import canonical

from rewardgate.audit.comparisons import comparisons_of


def test_length_is_in_standard_deviations_within_the_ranking() -> None:
    rows = [("p", "ada", "k", text, rank) for text, rank in (("a" * 10, 2), ("b" * 30, 1))]
    rows += [("q", "ada", "l", text, rank) for text, rank in (("cc", 1), ("dd", 2))]
    found = comparisons_of(canonical(rows))
    assert found["longer_by"].tolist() == [2.0, 0.0]  # lengths 10 and 30 are z = -1 and z = +1
    assert found["longer"].tolist() == [1.0, 0.5]


def test_the_same_two_texts_are_one_item_whoever_compares_them() -> None:
    found = comparisons_of(
        canonical(
            [
                ("p", "ada", "k", "x", 1), ("p", "ada", "k", "y", 2),
                ("p", "ben", "l", "y", 1), ("p", "ben", "l", "x", 2),
                ("q", "ben", "m", "x", 1), ("q", "ben", "m", "y", 2),
            ]
        )
    )  # fmt: skip
    assert found["item"].tolist() == [0, 0, 1]
    assert found["direction"].tolist() == [1, -1, 1]
    assert found["annotator"].tolist() == ["ada", "ben", "ben"]


@pytest.mark.parametrize("best_first", [True, False])
def test_an_order_by_rank_is_no_order_of_presentation(best_first: bool) -> None:
    ranks = (1, 2, 3) if best_first else (3, 2, 1)
    rows = [("p", "ada", "k", f"t{rank}", rank) for rank in ranks]
    assert comparisons_of(canonical(rows))["first_listed"].isna().all()


def test_first_listed_is_known_where_ranks_are_mixed() -> None:
    rows = [("p", "ada", "k", f"t{rank}", rank) for rank in (2, 1, 3)]
    found = comparisons_of(canonical(rows)).set_index(["chosen", "rejected"])["first_listed"]
    assert found.to_dict() == {(1, 0): 0.0, (0, 2): 1.0, (1, 2): 1.0}


def test_a_source_by_rank_leaves_the_other_source_known() -> None:
    rows = [("p", "ada", "k", f"t{rank}", rank) for rank in (1, 2)]
    rows += [("q", "ada", "l", f"t{rank}", rank) for rank in (2, 1, 3)]
    table = canonical(rows)
    table["source"] = np.where(table["prompt_id"] == "p", "sorted", "mixed")
    found = comparisons_of(table)
    assert found.groupby("source")["first_listed"].count().to_dict() == {"mixed": 3, "sorted": 0}


def test_a_refusal_is_compared_with_answers_and_not_with_another_refusal() -> None:
    texts = ["Paris.", "Sorry, I can't help with that.", "I won't answer questions about Paris."]
    rows = [("p", "ada", "k", text, rank) for text, rank in zip(texts, (2, 1, 3), strict=True)]
    found = comparisons_of(canonical(rows)).set_index(["chosen", "rejected"])["refusal_chosen"]
    assert found[(1, 0)] == 1.0
    assert found[(0, 2)] == 0.0
    assert np.isnan(found[(1, 2)])
