"""Figures and checks in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.wording import counted, figure, passage, percent, sentence, signed


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234, "1,234"), (0.74151, "0.742"), (-0.0001, "0.000"), (True, "yes"), ([], "none"),
        (["a", "b"], "a, b"), ("text", "text"), (None, "not measured"),
        (float("nan"), "not measured"), (float("inf"), "not measured"),
    ],
)  # fmt: skip
def test_figures(value: object, shown: str) -> None:
    assert figure(value) == shown


def test_shares_signs_and_counts() -> None:
    assert (percent(0.7424), percent(None)) == ("74.2%", "not measured")
    assert (signed(1.324), signed(-0.411), signed(None)) == ("+1.32", "-0.41", "not measured")
    assert (counted(1, "pair"), counted(2000, "pair")) == ("1 pair", "2,000 pairs")


def test_a_check_is_one_plain_sentence() -> None:
    check = {"what": "accuracy", "value": 0.612, "comparison": ">", "threshold": 0.65}
    assert sentence(check) == "accuracy is 0.612, must be above 0.650"
    check |= {"value": None}
    assert sentence(check) == "accuracy was not measured, must be above 0.650"


def test_a_value_that_only_just_fails_is_not_rounded_onto_its_threshold() -> None:
    check = {"what": "accuracy", "value": 0.64996, "comparison": ">", "threshold": 0.65}
    assert sentence(check) == "accuracy is 0.64996, must be above 0.65000"


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(8, 60))
def test_a_cut_passage_loses_only_spaces(text: str, shown: int) -> None:
    start, rest = passage(text, shown)
    assert len(start) <= 1.3 * shown
    whole, _ = passage(text, shown=1000)
    assert (start + rest).replace(" ", "") == whole.replace(" ", "")
