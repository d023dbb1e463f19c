from typing import Any

import pytest
from policies import SETTINGS, check
from pydantic import ValidationError

from rewardgate.policy import ITEMS, policy_fault

TITLES = list(SETTINGS.gate.items)
DOMAINS = "evaluation:test.figures.domains.*.accuracy"


def fault(*added: Any) -> str | None:
    return policy_fault([*SETTINGS.gate.checks, *added], TITLES)


def test_the_shipped_policy_keeps_the_nine_items_and_never_loosens_their_thresholds() -> None:
    asked = {check.name: (check.comparison, check.threshold) for check in SETTINGS.gate.checks}
    assert tuple(TITLES[:9]) == ITEMS
    assert asked["mean_margin"] == (">", 1.0)
    assert asked["accuracy"] == (">", 0.65)
    assert asked["train_test_gap"] == ("<=", 0.15)
    assert asked["stress_order"] == (">=", 0.8)
    assert asked["domain_accuracy"] == (">=", 0.55)
    assert asked["safety_accuracy"] == (">=", 0.6)
    assert asked["length_penalty_acts"] == asked["repetition_penalty_acts"] == (">=", 0.5)
    assert asked["length_penalty_spares"] == asked["repetition_penalty_spares"] == ("<=", 0.25)
    assert asked["calibration_mean"] == ("<=", 0.25)
    assert asked["calibration_std"] == ("<=", 1.25)
    assert asked["empty_response"] == ("<=", "rewards:floor")
    bounds = {check.name: check.bound for check in SETTINGS.gate.checks}
    assert bounds["accuracy"] == bounds["mean_margin"] == "lower95"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"figure": "evaluations:test.accuracy"}, "names none of the reports evaluation, "),
        ({"figure": "accuracy"}, "String should match pattern"),
        ({"threshold": "high"}, "'high' names none of the reports"),
        ({"threshold": float("inf")}, "must be a finite number"),
        ({"comparison": "is"}, "Input should be '>', '>=', '<' or '<='"),
        ({"bound": "upper95"}, "bound upper95 contradicts >; write lower95 or point"),
        ({"bound": "lower95", "comparison": "<="}, "bound lower95 contradicts <=; write upper95"),
        ({"figure": DOMAINS, "holm": True, "bound": "lower95"}, "leave `bound` out"),
        ({"holm": True}, "need a * in the figure"),
        ({"only": ["facts"]}, "need a * in the figure"),
        ({"figure": "evaluation:*.domains.*.accuracy"}, "at most one *"),
        ({"figure": "evaluation:test.f*"}, "as a whole part"),
        ({"figure": DOMAINS, "only": ["a"], "except": ["a"]}, "a is in `only` and in `except`"),
        ({"rationale": "too short a reason"}, "five words or more"),
        ({"severity": "error"}, "Input should be 'block' or 'warn'"),
        ({"name": "my.check"}, "String should match pattern"),
        ({"min_prompts": 1}, "greater than or equal to 2"),
    ],
)
def test_a_check_that_cannot_be_meant_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        check(**changes)
    assert message in str(caught.value)


def test_faults_between_checks_are_named() -> None:
    assert fault() is None
    assert fault(check()) == "checks: the name accuracy occurs twice; rename one"
    strange = check(name="more", item="beauty")
    assert fault(strange) == "checks: more: item 'beauty' is not among `items`; add its title"
    without = [one for one in SETTINGS.gate.checks if one.item != "calibration"]
    assert policy_fault(without, TITLES) == (
        "checks: no check of severity block judges the item calibration; add one"
    )
    warned = [
        one.model_copy(update={"severity": "warn"}) if one.item == "accuracy" else one
        for one in SETTINGS.gate.checks
    ]
    assert "judges the item accuracy" in str(policy_fault(warned, TITLES))
    assert "items: accuracy is missing" in str(
        policy_fault(SETTINGS.gate.checks, [one for one in TITLES if one != "accuracy"])
    )


@pytest.mark.parametrize(
    ("changes", "contradicts"),
    [
        ({"comparison": "<", "threshold": 0.65}, True),
        ({"comparison": "<", "threshold": 0.7}, False),
        ({"comparison": "<=", "threshold": 0.65}, True),
        ({"comparison": ">=", "threshold": 0.99}, False),
        ({"figure": DOMAINS, "comparison": "<=", "threshold": 0.5}, True),
        ({"figure": DOMAINS, "comparison": "<=", "threshold": 0.6}, False),
        ({"figure": DOMAINS.replace("*", "facts"), "comparison": "<", "threshold": 0.5}, True),
        ({"figure": DOMAINS.replace("*", "safety"), "comparison": "<", "threshold": 0.6}, True),
        ({"figure": DOMAINS, "only": ["facts"], "comparison": "<", "threshold": 0.58}, False),
    ],
)
def test_thresholds_that_can_never_both_hold_are_refused(
    changes: dict[str, Any], contradicts: bool
) -> None:
    found = fault(check(name="other", **changes))
    assert (found is not None) == contradicts
    if found:
        assert "can never both hold" in found


def test_two_inclusive_thresholds_may_meet() -> None:
    below = check(name="below", comparison="<=", threshold=0.7)
    above = check(name="above", comparison=">=", threshold=0.7)
    assert fault(below, above) is None
    above = check(name="above", comparison=">=", threshold=0.71)
    assert "above (>= 0.71)" in str(fault(below, above))
