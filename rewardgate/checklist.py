"""The nine-item checklist: what must hold before PPO may use a reward model."""

import operator
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from rewardgate.rewards import length_penalty
from rewardgate.settings import Gate, Rewards
from rewardgate.wording import value_and_threshold

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<=": operator.le,
    "is": operator.eq,
}


@dataclass(frozen=True)
class Check:
    """One figure against its threshold. `evidence` is the file and the key it came from."""

    what: str
    value: Any
    comparison: str
    threshold: Any
    evidence: str

    @property
    def passed(self) -> bool:
        """A figure that could not be measured (None) never passes."""
        return self.value is not None and COMPARISONS[self.comparison](self.value, self.threshold)


@dataclass(frozen=True)
class Item:
    """One item of the checklist: it passes if all its checks do. `context` is shown, not judged."""

    key: str
    title: str
    checks: list[Check]
    context: dict[str, Any]

    @property
    def passed(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        checks = [{**asdict(check), "passed": check.passed} for check in self.checks]
        return {
            "key": self.key,
            "title": self.title,
            "passed": self.passed,
            "checks": checks,
            "context": self.context,
        }


@dataclass(frozen=True)
class Evidence:
    """The stages' reports, as read from JSON; `champion` is the promoted model's record or None."""

    evaluation: dict[str, Any]
    calibration: dict[str, Any]
    stress: dict[str, Any]
    champion: dict[str, Any] | None = None


def judge(gate: Gate, rewards: Rewards, evidence: Evidence) -> list[Item]:
    """Judge all nine items; none is skipped when an earlier one fails."""
    return [
        _granularity(rewards),
        _mixed_reward(rewards, evidence.stress),
        _length_penalty(gate, rewards, evidence.stress),
        _repetition_penalty(gate, evidence.stress),
        _margin(gate, evidence.evaluation),
        _accuracy(gate, evidence.evaluation),
        _edge_cases(gate, evidence.stress),
        _calibration(evidence.calibration),
        _domains(gate, evidence),
    ]


def _granularity(rewards: Rewards) -> Item:
    return Item(
        "reward_granularity",
        "Reward granularity is stated, with a rationale",
        [
            Check(
                "words of rationale",
                len(rewards.rationale.split()),
                ">=",
                5,
                "params.yaml:rewards.rationale",
            ),
        ],
        {"granularity": rewards.granularity, "rationale": rewards.rationale},
    )


def _mixed_reward(rewards: Rewards, stress: dict[str, Any]) -> Item:
    rules = [
        name
        for name, rule in (
            ("length_penalty", rewards.length_penalty),
            ("repetition_penalty", rewards.repetition_penalty),
        )
        if rule is not None and rule.weight > 0
    ]
    return Item(
        "mixed_reward",
        "The reward is mixed, with at least one rule as floor",
        [
            Check("rule rewards with a weight", len(rules), ">=", 1, "params.yaml:rewards"),
            Check(
                "highest reward of an empty response",
                stress["families"]["edge_empty"]["max_total"],
                "<=",
                rewards.floor,
                "reports/stress.json:families.edge_empty.max_total",
            ),
        ],
        {"rules": rules, "hard_rule": "readable"},
    )


def _length_penalty(gate: Gate, rewards: Rewards, stress: dict[str, Any]) -> Item:
    family = stress["families"]["edge_very_long"]
    context: dict[str, Any] = {}
    if (rule := rewards.length_penalty) is not None:
        context["at_twice_the_maximum"] = rule.weight * length_penalty(
            2 * rule.max_tokens, rule.min_tokens, rule.max_tokens, rule.width_tokens
        )
    return Item(
        "length_penalty",
        "An explicit length penalty acts",
        [
            Check(
                "mean penalty on very long responses",
                family["mean_length_penalty"],
                ">=",
                gate.min_rule_penalty,
                "reports/stress.json:families.edge_very_long.mean_length_penalty",
            ),
            Check(
                "mean penalty on the correct, brief ones",
                stress["best"]["mean_length_penalty"],
                "<=",
                gate.min_rule_penalty / 2,
                "reports/stress.json:best.mean_length_penalty",
            ),
        ],
        context,
    )


def _repetition_penalty(gate: Gate, stress: dict[str, Any]) -> Item:
    return Item(
        "repetition_penalty",
        "An n-gram repetition penalty acts",
        [
            Check(
                "mean penalty on repeated answers",
                stress["families"]["edge_repeated_answer"]["mean_repetition_penalty"],
                ">=",
                gate.min_rule_penalty,
                "reports/stress.json:families.edge_repeated_answer.mean_repetition_penalty",
            ),
            Check(
                "mean penalty on the correct, brief ones",
                stress["best"]["mean_repetition_penalty"],
                "<=",
                gate.min_rule_penalty / 2,
                "reports/stress.json:best.mean_repetition_penalty",
            ),
        ],
        {},
    )


def _margin(gate: Gate, evaluation: dict[str, Any]) -> Item:
    margin = evaluation["test"]["margin"]
    return Item(
        "mean_margin",
        "Mean margin on held-out prompts, in BT logits after the temperature",
        [
            Check(
                "mean margin (BT logits)",
                margin["mean_bt_logits"],
                ">",
                gate.min_mean_margin,
                "reports/evaluation.json:test.margin.mean_bt_logits",
            )
        ],
        {"raw": margin["mean_raw"], "standardised": margin["mean_standardised"]},
    )


def _accuracy(gate: Gate, evaluation: dict[str, Any]) -> Item:
    test = evaluation["test"]
    return Item(
        "accuracy",
        "Pairwise accuracy on held-out prompts",
        [
            Check(
                "accuracy",
                test["accuracy"],
                ">",
                gate.min_accuracy,
                "reports/evaluation.json:test.accuracy",
            ),
            Check(
                "accuracy on training prompts minus held-out",
                evaluation["train_minus_test_accuracy"],
                "<=",
                gate.max_train_test_gap,
                "reports/evaluation.json:train_minus_test_accuracy",
            ),
        ],
        {
            "pairs": test["pairs"],
            "prompts": test["prompts"],
            "longest_wins": test["length"]["longest_wins_accuracy"],
        },
    )


def _edge_cases(gate: Gate, stress: dict[str, Any]) -> Item:
    families = stress["families"]
    finite = [
        Check(
            f"{name}: cases with a finite score",
            family["finite"],
            "is",
            family["cases"],
            f"reports/stress.json:families.{name}.finite",
        )
        for name, family in families.items()
        if family["finite"] != family["cases"]
    ]
    ordered = [
        Check(
            f"{name}: share ranked below the correct, brief one",
            family["pass_share"],
            ">=",
            gate.min_stress_pass_share,
            f"reports/stress.json:families.{name}.pass_share",
        )
        for name, family in families.items()
    ]
    return Item(
        "edge_cases",
        "Stress and edge cases (empty, very long, non-text, ...) keep the expected order",
        finite + ordered,
        {"cases": stress["cases"]},
    )


def _calibration(calibration: dict[str, Any]) -> Item:
    stability, limits = calibration["stability"], calibration["limits"]
    return Item(
        "calibration",
        "Calibration statistics are stable",
        [
            Check(
                "shift of the mean between halves (standard deviations)",
                stability["mean_shift_p95"],
                "<=",
                limits["max_mean_shift"],
                "reports/calibration.json:stability.mean_shift_p95",
            ),
            Check(
                "ratio of the standard deviations of halves",
                stability["std_ratio_p95"],
                "<=",
                limits["max_std_ratio"],
                "reports/calibration.json:stability.std_ratio_p95",
            ),
        ],
        {name: calibration[name] for name in ("mean", "std", "temperature", "prompts")},
    )


def _domains(gate: Gate, evidence: Evidence) -> Item:
    domains = evidence.evaluation["test"]["domains"]
    judged = {name: d for name, d in domains.items() if d["pairs"] >= gate.min_domain_pairs}
    checks = [
        Check(
            f"{name}: accuracy",
            domain["accuracy"],
            ">=",
            gate.min_safety_accuracy if name in gate.safety_domains else gate.min_domain_accuracy,
            f"reports/evaluation.json:test.domains.{name}.accuracy",
        )
        for name, domain in judged.items()
    ]
    checks += [
        Check(
            f"{name}: pairs to judge it by",
            domains[name]["pairs"],
            ">=",
            gate.min_domain_pairs,
            f"reports/evaluation.json:test.domains.{name}.pairs",
        )
        for name in gate.safety_domains
        if name in domains and name not in judged
    ]
    if evidence.champion is not None:
        before = evidence.champion["metrics"]["domains"]
        checks += [
            Check(
                f"{name}: accuracy against the champion's",
                judged[name]["accuracy"],
                ">=",
                before[name] - gate.max_safety_drop,
                f"{gate.champion}:metrics.domains.{name}",
            )
            for name in gate.safety_domains
            if name in judged and name in before
        ]
    return Item(
        "domains",
        "No weak domain and no safety regression",
        checks,
        {
            "too_few_pairs_to_judge": sorted(set(domains) - set(judged)),
            "safety_domains_present": [n for n in gate.safety_domains if n in judged],
            "champion": gate.champion,
        },
    )


def failures(items: list[Item]) -> list[str]:
    """One line for each failed item: what was measured, what was asked and where it stands."""
    lines = []
    for item in items:
        failed = [check for check in item.checks if not check.passed]
        if not item.checks:
            lines.append(f"{item.key}: nothing could be judged ({item.title})")
        elif failed:
            lines.append(f"{item.key}: " + "; ".join(map(explain, failed)))
    return lines


def explain(check: Check) -> str:
    """'accuracy 0.612, must be > 0.65 (reports/evaluation.json:test.accuracy)'"""
    value, threshold = value_and_threshold(asdict(check))
    return f"{check.what} {value}, must be {check.comparison} {threshold} ({check.evidence})"
