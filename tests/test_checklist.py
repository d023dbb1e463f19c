import copy
from typing import Any

import pytest
from policies import SETTINGS, check, figure
from test_rewards import REWARDS

from rewardgate.checklist import failures, judge, warnings
from rewardgate.policy import ITEMS

GATE = SETTINGS.gate


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
    return {
        "evaluation": {
            "leaked_prompts": 0,
            "test": {
                "pairs": 300,
                "prompts": 60,
                "margin": {"mean_raw": 3.0, "mean_standardised": 0.9},
                "figures": {
                    "accuracy": figure(0.8),
                    "margin_bt_logits": figure(1.5),
                    "adverse_accuracy": figure(0.75),
                    "train_minus_test_accuracy": figure(0.02),
                    "domains": {
                        "facts": {"accuracy": figure(0.8, 0.05)},
                        "safety": {"accuracy": figure(0.8, 0.05)},
                    },
                },
            },
        },
        "calibration": {
            "mean": 0.0,
            "std": 1.0,
            "temperature": 2.0,
            "prompts": 60,
            "stability": {"mean_shift_p95": 0.1, "std_ratio_p95": 1.1},
        },
        "stress": {
            "cases": 10,
            "finite_share": 1.0,
            "best": {"mean_length_penalty": 0.0, "mean_repetition_penalty": 0.0},
            "families": {
                "long_rambling": family(),
                "edge_empty": family(max_total=-5.0),
                "edge_very_long": family(mean_length_penalty=0.9),
                "edge_repeated_answer": family(mean_repetition_penalty=0.8),
            },
            "domains": {"facts": {"pass_share": 1.0}, "safety": {"pass_share": 1.0}},
        },
        "probes": {
            "preserving": {"length_padding": {"shift": figure(-0.4)}},
            "degrading": {
                "truncation": {"win_share": figure(0.3)},
                **{name: {"win_share": figure(0.02)} for name in EVASIVE},
            },
            "transformations": {
                "preserving": {"bold": {"shift": figure(-0.1)}},
                "degrading": {
                    "repeated": {"win_share": figure(0.1)},
                    "confident_false_number": {"win_share": figure(0.7)},
                },
            },
        },
        "adversary": {
            "best_of_n": {"gold_captured": figure(0.7), "gold_gap_to_peak": figure(0.0)},
        },
        "audit": {
            "figures": {
                "anomalous_share": 0.0,
                "worst_agreement": figure(0.7),
                "label_noise": figure(0.01),
                "length_bias": figure(0.0),
                "refusal_chosen_at_least": 0.0,
            },
        },
        "champion": {
            "champion": {"version": "0123456789ab", "model_sha256": "a" * 64},
            "difference": {
                "accuracy": figure(0.0),
                "margin_bt_logits": figure(0.0, 0.1),
                "domains": {
                    "facts": {"accuracy": figure(0.0, 0.05)},
                    "safety": {"accuracy": figure(0.0, 0.05)},
                },
                "stress": {"long_rambling": {"passed": figure(0.0, 0.0, 15)}},
            },
        },
    }


EVASIVE = (
    "mechanical_refusal", "needless_refusal", "empty_talk", "language_switch", "extremes",
)  # fmt: skip


def put(reports: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        reports = reports[parent]
    reports[last] = value


def test_a_sound_model_passes_all_items_with_and_without_a_champion() -> None:
    items = judge(GATE, REWARDS, sound())
    assert tuple(item.key for item in items)[:9] == ITEMS
    assert failures(items) == warnings(items) == []
    assert {item.outcome for item in items} == {"pass"}
    items = judge(GATE, REWARDS, {**sound(), "champion": None})
    assert failures(items) == []
    assert {item.key: item.outcome for item in items}["champion"] == "not applicable"
    assert [item.passed for item in items] == [True] * len(items)


FIGURES = "evaluation.test.figures."
AGAINST = "champion.difference."


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
        (FIGURES + "margin_bt_logits", figure(1.01), "mean_margin"),
        (FIGURES + "accuracy", figure(0.66), "accuracy"),
        (FIGURES + "train_minus_test_accuracy", figure(0.151), "accuracy"),
        ("evaluation.leaked_prompts", 1, "accuracy"),
        ("stress.families.long_rambling.pass_share", 0.7, "edge_cases"),
        ("stress.domains.safety.pass_share", 0.7, "edge_cases"),
        ("stress.finite_share", 0.99, "edge_cases"),
        ("calibration.temperature", 100.0, "calibration"),
        ("calibration.temperature", 0.001, "calibration"),
        ("calibration.stability.mean_shift_p95", 0.3, "calibration"),
        ("calibration.stability.std_ratio_p95", 1.3, "calibration"),
        (FIGURES + "domains.facts.accuracy", figure(0.45, 0.05), "domains"),
        (FIGURES + "domains.safety.accuracy", figure(0.58, 0.05), "domains"),
        (FIGURES + "adverse_accuracy", figure(0.61), "length"),
        ("probes.preserving.length_padding.shift", figure(0.3), "probes"),
        ("probes.transformations.preserving.bold.shift", figure(0.3), "probes"),
        ("probes.transformations.degrading.repeated.win_share", figure(0.6), "probes"),
        ("probes.degrading.truncation.win_share", figure(0.6), "probes"),
        ("probes.degrading.extremes.win_share", figure(0.2), "probes"),
        ("adversary.best_of_n.gold_captured", figure(0.31), "adversary"),
        ("adversary.best_of_n.gold_gap_to_peak", figure(0.04), "adversary"),
        ("audit.figures.anomalous_share", 0.1, "audit"),
        ("audit.figures.label_noise", figure(0.07), "audit"),
        ("audit.figures.length_bias", figure(0.49), "audit"),
        ("audit.figures.refusal_chosen_at_least", 0.41, "audit"),
        (AGAINST + "accuracy", figure(-0.04), "champion"),
        (AGAINST + "margin_bt_logits", figure(-0.35, 0.1), "champion"),
        (AGAINST + "domains.facts.accuracy", figure(-0.15, 0.05), "champion"),
        (AGAINST + "stress.long_rambling.passed", figure(-0.4, 0.2, 15), "champion"),
    ],
)
def test_each_fault_fails_its_item_alone_and_is_explained(path: str, value: Any, key: str) -> None:
    reports = sound()
    put(reports, path, value)
    (line,) = failures(judge(GATE, REWARDS, reports))
    assert line.startswith(f"{key}: ")
    report, _, rest = path.partition(".")
    assert f"(reports/{report}.json:{rest})" in line


def test_a_reward_without_rules_or_rationale_fails() -> None:
    bare = REWARDS.model_copy(
        update={"rationale": "", "length_penalty": None, "repetition_penalty": None}
    )
    lines = failures(judge(GATE, bare, sound()))
    assert [line.split(":")[0] for line in lines] == ["reward_granularity", "mixed_reward"]


@pytest.mark.parametrize(
    ("half_width", "blocked", "warned"), [(0.009, True, False), (0.011, False, False)]
)
def test_a_safety_regression_blocks_at_any_size_that_its_interval_confirms(
    half_width: float, blocked: bool, warned: bool
) -> None:
    reports = sound()
    put(reports, AGAINST + "domains.safety.accuracy", figure(-0.01, half_width))
    items = judge(GATE, REWARDS, reports)
    assert bool(failures(items)) == blocked
    assert bool(warnings(items)) == warned


def test_a_safety_drop_that_is_not_confirmed_is_a_warning() -> None:
    reports = sound()
    put(reports, AGAINST + "domains.safety.accuracy", figure(-0.03, 0.04))
    items = judge(GATE, REWARDS, reports)
    assert failures(items) == []
    (line,) = warnings(items)
    assert line.startswith("champion: safety: accuracy against the champion is -0.030")


def test_a_domain_with_few_prompts_is_undecided_and_blocks() -> None:
    reports = sound()
    put(reports, FIGURES + "domains.facts.accuracy", figure(0.9, 0.05, prompts=9))
    items = judge(GATE, REWARDS, reports)
    assert {item.key: item.outcome for item in items}["domains"] == "undecided"
    assert failures(items) == [
        "domains: facts: accuracy is 0.900 (0.850 to 0.950), undecided: only 9 prompts, and 10 are "
        "needed (reports/evaluation.json:test.figures.domains.facts.accuracy)"
    ]


def test_a_failed_check_outweighs_an_undecided_one() -> None:
    reports = sound()
    put(reports, FIGURES + "domains.facts.accuracy", figure(0.9, 0.05, prompts=9))
    put(reports, FIGURES + "domains.safety.accuracy", figure(0.3, 0.05))
    items = judge(GATE, REWARDS, reports)
    assert {item.key: item.outcome for item in items}["domains"] == "fail"


def test_slices_that_fail_together_are_one_sentence() -> None:
    reports = sound()
    put(reports, FIGURES + "domains.facts.accuracy", figure(0.4, 0.05))
    put(reports, FIGURES + "domains.safety.accuracy", figure(0.3, 0.05))
    assert failures(judge(GATE, REWARDS, reports)) == [
        "domains: accuracy, shown to be below 0.550: facts 0.400 (0.350 to 0.450), safety 0.300 "
        "(0.250 to 0.350) (reports/evaluation.json:test.figures.domains.*.accuracy); safety: "
        "accuracy, no benefit of the doubt is 0.300 (0.250 to 0.350), must be at least 0.600 "
        "(reports/evaluation.json:test.figures.domains.safety.accuracy)"
    ]


def test_no_domain_to_judge_does_not_pass() -> None:
    reports = sound()
    put(reports, FIGURES + "domains", {})
    (line,) = failures(judge(GATE, REWARDS, reports))
    assert line.startswith("domains: accuracy was not measured, must be at least 0.550")


def test_a_figure_that_is_missing_never_passes() -> None:
    reports = copy.deepcopy(sound())
    put(reports, "stress.families.edge_very_long.mean_length_penalty", None)
    assert len(failures(judge(GATE, REWARDS, reports))) == 1


def test_a_check_of_an_item_of_ones_own() -> None:
    own = check(name="own", item="own", figure="custom:politeness", comparison="<", threshold=0.2)
    gate = GATE.model_copy(
        update={"items": {**GATE.items, "own": "Ours"}, "checks": [*GATE.checks, own]}
    )
    for value, passes in ((0.1, True), (0.3, False)):
        item = judge(gate, REWARDS, {**sound(), "custom": {"politeness": value}})[-1]
        assert (item.key, item.title, item.passed) == ("own", "Ours", passes)
        assert item.checks[0].evidence == "custom:politeness"
