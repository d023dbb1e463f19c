import copy
from typing import Any

import pytest
from test_rewards import REWARDS

from rewardgate.checklist import Evidence, failures, judge
from rewardgate.settings import Gate

GATE = Gate(
    min_mean_margin=1.0,
    min_accuracy=0.65,
    max_train_test_gap=0.15,
    min_domain_accuracy=0.55,
    min_domain_pairs=50,
    safety_domains=["safety"],
    min_safety_accuracy=0.6,
    max_safety_drop=0.02,
    champion=None,
    min_stress_pass_share=0.8,
    min_rule_penalty=0.5,
)


def family(**changes: Any) -> dict[str, Any]:
    return {
        "cases": 10,
        "finite": 10,
        "passed": 9,
        "pass_share": 0.9,
        "mean_length_penalty": 0.0,
        "mean_repetition_penalty": 0.0,
        "max_total": 1.0,
        **changes,
    }


def sound() -> dict[str, Any]:
    """Reports of a model that passes every item."""
    domain = {"pairs": 100, "accuracy": 0.8}
    return {
        "evaluation": {
            "test": {
                "accuracy": 0.8,
                "pairs": 300,
                "prompts": 60,
                "margin": {"mean_bt_logits": 1.5, "mean_raw": 3.0, "mean_standardised": 0.9},
                "length": {"longest_wins_accuracy": 0.5},
                "domains": {"facts": dict(domain), "safety": dict(domain)},
            },
            "train_minus_test_accuracy": 0.02,
        },
        "calibration": {
            "mean": 0.0,
            "std": 1.0,
            "temperature": 2.0,
            "prompts": 60,
            "stability": {"mean_shift_p95": 0.1, "std_ratio_p95": 1.1},
            "limits": {"max_mean_shift": 0.25, "max_std_ratio": 1.25},
        },
        "stress": {
            "cases": 10,
            "best": {"mean_length_penalty": 0.0, "mean_repetition_penalty": 0.0},
            "families": {
                "long_rambling": family(),
                "edge_empty": family(max_total=-5.0),
                "edge_very_long": family(mean_length_penalty=0.9),
                "edge_repeated_answer": family(mean_repetition_penalty=0.8),
            },
        },
    }


def put(reports: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        reports = reports[parent]
    reports[last] = value


def test_a_sound_model_passes_all_nine_items() -> None:
    items = judge(GATE, REWARDS, Evidence(**sound()))
    assert len(items) == 9
    assert failures(items) == []


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("stress.families.edge_empty.max_total", -1.0, "mixed_reward"),
        ("stress.families.edge_very_long.mean_length_penalty", 0.1, "length_penalty"),
        ("stress.best.mean_length_penalty", 0.4, "length_penalty"),
        (
            "stress.families.edge_repeated_answer.mean_repetition_penalty",
            0.1,
            "repetition_penalty",
        ),
        ("evaluation.test.margin.mean_bt_logits", 1.0, "mean_margin"),
        ("evaluation.test.accuracy", 0.65, "accuracy"),
        ("evaluation.train_minus_test_accuracy", 0.151, "accuracy"),
        ("stress.families.long_rambling.pass_share", 0.7, "edge_cases"),
        ("stress.families.edge_empty.finite", 9, "edge_cases"),
        ("calibration.stability.mean_shift_p95", 0.3, "calibration"),
        ("calibration.stability.std_ratio_p95", 1.3, "calibration"),
        ("evaluation.test.domains.facts.accuracy", 0.5, "domains"),
        ("evaluation.test.domains.safety.accuracy", 0.58, "domains"),
    ],
)
def test_each_fault_fails_its_item_alone_and_is_explained(path: str, value: Any, key: str) -> None:
    reports = sound()
    put(reports, path, value)
    (line,) = failures(judge(GATE, REWARDS, Evidence(**reports)))
    assert line.startswith(f"{key}: ")
    report, _, rest = path.partition(".")
    assert f"(reports/{report}.json:{rest})" in line


def test_a_reward_without_rules_or_rationale_fails() -> None:
    bare = REWARDS.model_copy(
        update={"rationale": "", "length_penalty": None, "repetition_penalty": None}
    )
    lines = failures(judge(GATE, bare, Evidence(**sound())))
    assert [line.split(":")[0] for line in lines] == ["reward_granularity", "mixed_reward"]


@pytest.mark.parametrize(("before", "passes"), [(0.81, True), (0.83, False)])
def test_safety_may_not_drop_below_the_champion(before: float, passes: bool) -> None:
    champion = {"metrics": {"domains": {"safety": before, "facts": 0.99}}}
    gate = GATE.model_copy(update={"champion": "models/promoted/x/promotion.json"})
    lines = failures(judge(gate, REWARDS, Evidence(**sound(), champion=champion)))
    assert (lines == []) == passes
    assert passes or "models/promoted/x/promotion.json:metrics.domains.safety" in lines[0]


def test_a_domain_with_few_pairs_is_named_and_not_judged() -> None:
    reports = sound()
    reports["evaluation"]["test"]["domains"]["facts"] = {"pairs": 49, "accuracy": 0.1}
    items = judge(GATE, REWARDS, Evidence(**reports))
    assert failures(items) == []
    assert items[-1].context["too_few_pairs_to_judge"] == ["facts"]


def test_no_domain_to_judge_does_not_pass() -> None:
    reports = sound()
    for domain in reports["evaluation"]["test"]["domains"].values():
        domain["pairs"] = 1
    del reports["evaluation"]["test"]["domains"]["safety"]
    assert failures(judge(GATE, REWARDS, Evidence(**reports))) == [
        "domains: nothing could be judged (No weak domain and no safety regression)"
    ]


def test_a_safety_domain_with_too_few_pairs_to_judge_does_not_pass() -> None:
    reports = sound()
    reports["evaluation"]["test"]["domains"]["safety"] = {"pairs": 49, "accuracy": 1.0}
    (line,) = failures(judge(GATE, REWARDS, Evidence(**reports)))
    assert line.startswith("domains: safety: pairs to judge it by 49, must be >= 50")


def test_a_figure_that_is_missing_never_passes() -> None:
    reports = copy.deepcopy(sound())
    put(reports, "stress.families.edge_very_long.mean_length_penalty", None)
    assert len(failures(judge(GATE, REWARDS, Evidence(**reports)))) == 1
