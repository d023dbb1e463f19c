"""The judgement of fresh rankings, by hand-computed figures and by the policy of params.yaml."""

import re

import pytest
from project import ROOT
from tables import responses_table

from rewardgate.errors import RewardGateError
from rewardgate.policy import PolicyCheck
from rewardgate.reevaluation import judge, reevaluation, unseen
from rewardgate.settings import load_settings


def check(**changes: object) -> PolicyCheck:
    asked = {
        "name": "accuracy",
        "item": "accuracy",
        "figure": "evaluation:test.figures.accuracy",
        "comparison": ">",
        "threshold": 0.65,
        "bound": "lower95",
        "rationale": "Annotators agree with each other in this share.",
    }
    return PolicyCheck.model_validate({**asked, **changes})


def rankings(prompts: int, wrong: int):
    """Pairs with a margin of 2, the first `wrong` of them the wrong way round."""
    table = responses_table(
        [(f"what is {i} ?", [("good answer", 1), ("bad", 2)]) for i in range(prompts)]
    )
    up = [(-1.0 if i < wrong else 1.0) for i in range(prompts)]
    scores = [score for sign in up for score in (sign, -sign)]
    return table.assign(score=scores)


def test_prompts_that_were_seen_are_left_out_however_they_are_written() -> None:
    left = unseen(rankings(3, 0), ["WHAT  is 1", "what is 5 ?"])
    assert left["prompt"].unique().tolist() == ["what is 0 ?", "what is 2 ?"]
    assert left.index.tolist() == [0, 1, 2, 3]
    with pytest.raises(RewardGateError, match=r"all 3 prompts .* give rankings of other prompts"):
        unseen(rankings(3, 0), [f"what is {i}" for i in range(3)])


def test_figures_by_hand() -> None:
    # 36 of 40 pairs right; margins 2 and -2, in logits of temperature 0.5: (36 - 4) / 40 * 4
    found = reevaluation(rankings(40, 4), 0.5, [check()], 2000, 0)
    assert found["figures"]["accuracy"]["estimate"] == pytest.approx(0.9)
    assert found["figures"]["margin_bt_logits"]["estimate"] == pytest.approx(3.2)
    assert (found["prompts"], found["responses"], found["pairs"]) == (40, 80, 40)
    assert (found["outcome"], found["failures"]) == ("pass", [])
    low = found["figures"]["accuracy"]["low"]
    # normal approximation: 0.9 - 1.96 sqrt(0.9 * 0.1 / 40)
    assert low == pytest.approx(0.9 - 1.96 * (0.09 / 40) ** 0.5, abs=0.02)
    assert found["checks"][0]["judged"] == low


@pytest.mark.parametrize(
    ("prompts", "wrong", "outcome", "message"),
    [
        (40, 0, "pass", ""),
        (40, 12, "fail", r"accuracy is 0\.700 .*lower bound 0\.\d+ must be above 0\.650"),
        (40, 30, "fail", r"accuracy is 0\.250"),
        (19, 0, "undecided", "only 19 prompts, and 20 are needed"),
    ],
)
def test_the_lower_bound_decides(prompts: int, wrong: int, outcome: str, message: str) -> None:
    found = reevaluation(rankings(prompts, wrong), 1.0, [check()], 1000, 0)
    assert found["outcome"] == outcome
    assert len(found["failures"]) == (outcome != "pass")
    for line in found["failures"]:
        assert re.search(message, line), line
        assert "reports/reevaluation.json:figures.accuracy" in line


def test_a_failure_outweighs_what_is_undecided() -> None:
    checks = [check(name="sure", min_prompts=100), check(threshold=0.99)]
    found = reevaluation(rankings(40, 4), 1.0, checks, 500, 0)
    assert (found["outcome"], len(found["failures"])) == ("fail", 2)


def test_only_blocking_checks_of_a_single_held_out_figure_are_judged() -> None:
    figures = reevaluation(rankings(40, 0), 1.0, [check()], 200, 0)["figures"]
    judged = judge(figures, load_settings(ROOT / "params.yaml").gate.checks)
    assert [row.name for row in judged] == ["mean_margin", "accuracy", "adverse_accuracy"]
    assert judge(figures, [check(severity="warn"), check(figure="calibration:temperature")]) == []


def test_what_cannot_be_judged_is_an_error_with_a_mend() -> None:
    with pytest.raises(RewardGateError, match=r"gate\.checks has no blocking check"):
        reevaluation(rankings(40, 0), 1.0, [], 200, 0)
    ties = rankings(40, 0).assign(rank=1)
    with pytest.raises(RewardGateError, match="no ranking says that a response is better"):
        reevaluation(ties, 1.0, [check()], 200, 0)
