from pathlib import Path
from typing import Any

import pytest
from policies import SETTINGS, check

from rewardgate.errors import RewardGateError
from rewardgate.settings import Settings
from rewardgate.shapes import require_known_figures, require_slices
from rewardgate.stress import load_cases

CASES = load_cases(Path(__file__).parent.parent / "data/stress_cases.yaml")
DOMAINS = "evaluation:test.figures.domains.*.accuracy"


def policy(**changes: Any) -> Settings:
    """The shipped settings with one more check."""
    gate = SETTINGS.gate
    gate = gate.model_copy(update={"checks": [*gate.checks, check(name="own", **changes)]})
    return SETTINGS.model_copy(update={"gate": gate})


def test_every_figure_of_the_shipped_policy_is_known() -> None:
    require_known_figures(SETTINGS, CASES)


@pytest.mark.parametrize(
    "figure",
    [
        "evaluation:test.log_loss", "evaluation:eval.margin.mean_raw",
        "stress:domains.*.pass_share", "stress:families.long_rambling.mean_margin_bt_logits",
        "calibration:temperature", "champion:difference.stress.*.passed",
        "split:anything.at.all",
    ],
)  # fmt: skip
def test_any_number_of_a_report_may_be_gated(figure: str) -> None:
    require_known_figures(policy(figure=figure), CASES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"figure": "evaluation:test.figures.acuracy"},
            "evaluation:test.figures.acuracy: test.figures has no figure acuracy; did you mean "
            "accuracy?",
        ),
        ({"figure": "stress:families.rambling.pass_share"}, "did you mean long_rambling?"),
        ({"figure": "calibration:zzz"}, "calibration has no figure zzz; it has mean, std"),
        ({"figure": "evaluation:test.figures"}, "is no figure but a part of the report"),
        ({"figure": "evaluation:test.accuracy.low"}, "test.accuracy has no figure low"),
        ({"figure": DOMAINS, "only": ["harmless"]}, "no slice harmless; there are arithmetic, "),
        ({"figure": DOMAINS, "except": ["harmless"]}, "no slice harmless"),
        (
            {"figure": DOMAINS, "except": SETTINGS.validation.known_domains},
            "`only` and `except` leave no slice",
        ),
    ],
)
def test_a_figure_or_slice_that_no_report_has_is_one_line(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(RewardGateError) as caught:
        require_known_figures(policy(**changes), CASES)
    assert str(caught.value).startswith("params.yaml: gate.checks: own: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_domains_of_ones_own_make_slices_of_ones_own() -> None:
    validation = SETTINGS.validation.model_copy(update={"known_domains": ["code", "safety"]})
    settings = policy(figure=DOMAINS, only=["code"]).model_copy(update={"validation": validation})
    require_known_figures(settings, CASES)


def test_a_slice_without_data_in_the_test_split_is_named() -> None:
    require_slices(SETTINGS, ["facts", "safety"])
    with pytest.raises(RewardGateError) as caught:
        require_slices(SETTINGS, ["facts", "code"])
    assert str(caught.value) == (
        "params.yaml: gate.checks: safety_accuracy: the test split holds no prompt of domain "
        "safety; it has code, facts"
    )
