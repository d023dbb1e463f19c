from typing import Any

import pytest
from policies import check, figure

from rewardgate.judgement import Check, judge_check

DOMAINS = "evaluation:test.figures.domains.*.accuracy"


def rows(value: Any, **changes: Any) -> list[Check]:
    return judge_check(check(**changes), {"evaluation": {"test": {"figures": {"accuracy": value}}}})


def by_slice(domains: dict[str, Any], **changes: Any) -> dict[str | None, Check]:
    reports = {"evaluation": {"test": {"figures": {"domains": domains}}}}
    found = judge_check(check(**{"figure": DOMAINS, "comparison": ">=", **changes}), reports)
    return {row.slice: row for row in found}


@pytest.mark.parametrize(
    ("changes", "outcome", "judged"),
    [
        ({}, "pass", 0.66),
        ({"bound": "lower95"}, "fail", 0.64),
        ({"bound": "lower95", "threshold": 0.63}, "pass", 0.64),
        ({"comparison": "<=", "threshold": 0.66}, "pass", 0.66),
        ({"comparison": "<", "threshold": 0.66}, "fail", 0.66),
        ({"comparison": "<=", "threshold": 0.67, "bound": "upper95"}, "fail", 0.68),
        ({"comparison": "<=", "threshold": 0.68, "bound": "upper95"}, "pass", 0.68),
    ],
)
def test_the_bound_that_the_policy_names_is_compared(
    changes: dict[str, Any], outcome: str, judged: float
) -> None:
    (row,) = rows(figure(0.66), **changes)
    assert (row.outcome, row.value, row.evidence) == (
        outcome, 0.66, "reports/evaluation.json:test.figures.accuracy",
    )  # fmt: skip
    assert row.judged == pytest.approx(judged)
    assert row.blocks == (outcome == "fail")


@pytest.mark.parametrize(
    ("value", "changes", "note"),
    [
        (figure(0.9, prompts=19), {}, "only 19 prompts, and 20 are needed"),
        (figure(0.9, prompts=50), {"min_prompts": 51}, "only 50 prompts, and 51 are needed"),
        (figure(0.9, None, prompts=20), {"bound": "lower95"}, "the figure has no interval"),
        (0.9, {"bound": "lower95"}, "the figure has no interval"),
        (None, {}, "the figure is missing"),
        ("high", {}, "the figure is missing"),
        (figure(0.9), {"threshold": "rewards:floor"}, "its threshold rewards:floor is missing"),
    ],
)
def test_what_cannot_be_decided_is_undecided_and_blocks(
    value: Any, changes: dict[str, Any], note: str
) -> None:
    (row,) = rows(value, **changes)
    assert (row.outcome, row.note, row.blocks) == ("undecided", note, True)
    (warned,) = rows(value, **changes, severity="warn")
    assert not warned.blocks


def test_a_plain_number_is_judged_as_it_is() -> None:
    assert [row.outcome for value in (0.66, 0.65, 1) for row in rows(value)] == [
        "pass", "fail", "pass",
    ]  # fmt: skip


def test_a_figure_may_be_the_threshold_slice_by_slice() -> None:
    reports = {"stress": {"a": {"n": 3, "of": 3}, "b": {"n": 2, "of": 3}}}
    every = check(figure="stress:*.n", comparison=">=", threshold="stress:*.of")
    assert [(row.what, row.outcome, row.threshold) for row in judge_check(every, reports)] == [
        ("a: accuracy", "pass", 3), ("b: accuracy", "fail", 3),
    ]  # fmt: skip


def test_slices_are_fanned_out_and_chosen() -> None:
    domains = {name: {"accuracy": figure(0.7)} for name in ("code", "facts", "safety")}
    assert list(by_slice(domains)) == ["code", "facts", "safety"]
    assert list(by_slice(domains, **{"except": ["code"]})) == ["facts", "safety"]
    found = by_slice(domains, only=["safety", "harmless"])
    assert [row.outcome for row in found.values()] == ["pass", "undecided"]
    assert found["safety"].evidence == (
        "reports/evaluation.json:test.figures.domains.safety.accuracy"
    )
    assert by_slice(domains, only=[]) == {}
    (row,) = by_slice({}).values()
    assert row.outcome == "undecided"


def test_holm_by_hand() -> None:
    # half-width 0.05 at z = 1.96: 0.09, 0.06 and 0.04 below the threshold are p-values of 0.00021,
    # 0.0093 and 0.0584. Of four, they count 4, 3 and 2 times, so that b, which would fail alone,
    # does not
    below = {"a": 0.04, "b": 0.06, "c": 0.09, "d": -0.3}
    domains = {name: {"accuracy": figure(0.65 - by, 0.05)} for name, by in below.items()}
    found = by_slice(domains, holm=True)
    adjusted = {name: row.p for name, row in found.items()}
    assert adjusted == pytest.approx({"c": 0.00084, "b": 0.0280, "a": 0.1169, "d": 1.0}, abs=1e-4)
    outcomes = {name: row.outcome for name, row in found.items()}
    assert outcomes == {"a": "pass", "b": "pass", "c": "fail", "d": "pass"}


def test_a_family_of_one_fails_exactly_if_its_interval_misses_the_threshold() -> None:
    for estimate, outcome in ((0.599, "fail"), (0.601, "pass")):
        (row,) = by_slice({"a": {"accuracy": figure(estimate, 0.05)}}, holm=True).values()
        assert row.outcome == outcome
    (row,) = judge_check(
        check(figure="stress:*.shift", comparison="<=", threshold=0.1, holm=True),
        {"stress": {"a": {"shift": figure(0.16, 0.05)}}},
    )
    assert row.outcome == "fail"


def test_ten_small_sound_domains_do_not_block_by_chance_and_a_bad_one_does() -> None:
    sound = {f"d{i}": {"accuracy": figure(0.75 - 0.02 * i, 0.15, 12)} for i in range(12)}
    outcomes = [row.outcome for row in by_slice(sound, holm=True, min_prompts=10).values()]
    assert outcomes == ["pass"] * 12
    assert "fail" in [row.outcome for row in by_slice(sound, min_prompts=10).values()]
    sound["bad"] = {"accuracy": figure(0.25, 0.15, 12)}
    found = by_slice(sound, holm=True, min_prompts=10)
    assert [name for name, row in found.items() if row.outcome == "fail"] == ["bad"]


def test_a_slice_with_too_few_prompts_is_no_part_of_the_family() -> None:
    domains = {"a": {"accuracy": figure(0.59, 0.055)}, "few": {"accuracy": figure(0.1, prompts=3)}}
    found = by_slice(domains, holm=True)
    assert [row.outcome for row in found.values()] == ["fail", "undecided"]


def test_without_a_champion_its_checks_are_shown_and_not_judged() -> None:
    against = check(figure="champion:difference.accuracy", comparison=">=", threshold=-0.05)
    (row,) = judge_check(against, {"champion": None})
    assert (row.outcome, row.blocks) == ("not applicable", False)
    (row,) = judge_check(check(), {})
    assert (row.outcome, row.note) == ("undecided", "there is no report evaluation")
