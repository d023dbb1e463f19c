"""Figures and checks in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.wording import (
    counted,
    explain,
    explain_slices,
    figure,
    passage,
    percent,
    required,
    sentence,
    signed,
)


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


def check(**changes: object) -> dict[str, object]:
    return {
        "what": "accuracy", "value": 0.612, "low": None, "high": None, "judged": 0.612,
        "bound": "point", "holm": False, "comparison": ">", "threshold": 0.65, "outcome": "fail",
        "note": None, "evidence": "reports/a.json:b", **changes,
    }  # fmt: skip


def test_a_check_is_one_plain_sentence() -> None:
    assert sentence(check()) == "accuracy is 0.612, must be above 0.650"
    assert sentence(check(value=None, judged=None, outcome="undecided")) == (
        "accuracy was not measured, must be above 0.650"
    )
    known = {"value": 0.7, "low": 0.64, "high": 0.76}
    assert sentence(check(**known, judged=0.64, bound="lower95")) == (
        "accuracy is 0.700 (0.640 to 0.760), its lower bound 0.640 must be above 0.650"
    )
    assert sentence(check(**known, outcome="undecided", note="only 3 prompts")) == (
        "accuracy is 0.700 (0.640 to 0.760), undecided: only 3 prompts"
    )
    assert sentence(check(**known, comparison=">=", threshold=0.8, holm=True)) == (
        "accuracy is 0.700 (0.640 to 0.760), which is shown to be below 0.800"
    )
    assert explain(check()).endswith("must be above 0.650 (reports/a.json:b)")


def test_slices_of_a_check_are_one_sentence() -> None:
    evidence = {"comparison": ">=", "threshold": 0.8}
    one, other = (
        check(
            **evidence, what=f"{key}: share in order", slice=key, value=value, judged=value,
            evidence=f"reports/a.json:of.{key}.share",
        )
        for key, value in (("long_rambling", 0.4), ("empty", 0.0))
    )  # fmt: skip
    assert explain_slices([one]) == explain(one)
    assert explain_slices([one, other]) == (
        "share in order, must be at least 0.800: long rambling 0.400, empty 0.000 "
        "(reports/a.json:of.*.share)"
    )
    wide = {"low": 0.2, "high": 0.6, "bound": "lower95"}
    few = {**wide, "outcome": "undecided", "note": "only 3 prompts, and 10 are needed"}
    assert explain_slices(
        [one | few, other | few | {"value": None, "judged": None, "low": None}]
    ) == (
        "share in order, its lower bound must be at least 0.800, undecided: long rambling 0.400 "
        "(0.200 to 0.600; only 3 prompts, and 10 are needed), empty not measured "
        "(reports/a.json:of.*.share)"
    )
    shown = [{**row, **wide, "bound": "point", "holm": True} for row in (one, other)]
    assert explain_slices(shown).startswith(
        "share in order, shown to be below 0.800: long rambling 0.400 (0.200 to 0.600), empty 0.000"
    )


def test_what_is_required() -> None:
    assert required(check()) == "> 0.650"
    assert required(check(comparison="<=", holm=True)) == "not > 0.650"


def test_a_value_that_only_just_fails_is_not_rounded_onto_its_threshold() -> None:
    close = check(value=0.64996, judged=0.64996)
    assert sentence(close) == "accuracy is 0.64996, must be above 0.65000"


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(8, 60))
def test_a_cut_passage_loses_only_spaces(text: str, shown: int) -> None:
    start, rest = passage(text, shown)
    assert len(start) <= 1.3 * shown
    whole, _ = passage(text, shown=1000)
    assert (start + rest).replace(" ", "") == whole.replace(" ", "")
