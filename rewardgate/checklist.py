"""The checklist: what must hold before PPO may use a reward model, item by item."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rewardgate.judgement import FAIL, NOT_APPLICABLE, PASS, UNDECIDED, Check, Reports, judge_check
from rewardgate.policy import PROCESS
from rewardgate.rewards import length_penalty
from rewardgate.settings import Gate, Rewards
from rewardgate.wording import explain, explain_slices


@dataclass(frozen=True)
class Item:
    """One item of the checklist, judged by its checks. `context` is shown, not judged."""

    key: str
    title: str
    checks: list[Check]
    context: dict[str, Any]

    @property
    def outcome(self) -> str:
        """The worst of its blocking checks: fail, undecided, pass; not applicable if none applies.

        A check of severity `warn` takes no part.
        """
        outcomes = {check.outcome for check in self.checks if check.severity == "block"}
        if not outcomes:
            return UNDECIDED
        return next(one for one in (FAIL, UNDECIDED, PASS, NOT_APPLICABLE) if one in outcomes)

    @property
    def passed(self) -> bool:
        """Whether it lets the model pass: what does not apply does not block."""
        return self.outcome in (PASS, NOT_APPLICABLE)

    def as_dict(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "title": self.title,
            "outcome": self.outcome,
            "passed": self.passed,
            "checks": [as_row(check) for check in self.checks],
            "context": self.context,
        }


def as_row(check: Check) -> dict[str, Any]:
    """A check as it stands in verdict.json."""
    return {**asdict(check), "passed": check.passed, "blocks": check.blocks}


def judge(gate: Gate, rewards: Rewards, reports: Reports) -> list[Item]:
    """Judge every item of the policy; none is skipped when an earlier one fails.

    reports: by name (see `policy.REPORTS`); None for one that does not apply
    """
    reports = {**reports, "rewards": reward_figures(rewards)}
    return [
        Item(
            key,
            title,
            [
                row
                for check in gate.checks
                if check.item == key and (rewards.process_weight > 0 or check.report != PROCESS)
                for row in judge_check(check, reports)
            ],
            _context(key, rewards, reports),
        )
        for key, title in gate.items.items()
    ]


def reward_figures(rewards: Rewards) -> dict[str, float]:
    """The report `rewards:`, figures of the reward's composition in params.yaml."""
    rules = (rewards.length_penalty, rewards.repetition_penalty, *rewards.rules)
    return {
        "rationale_words": len(rewards.rationale.split()),
        "rules_with_weight": sum(rule is not None and rule.weight > 0 for rule in rules),
        "floor": rewards.floor,
    }


def _context(key: str, rewards: Rewards, reports: Reports) -> dict[str, Any]:
    test = (reports.get("evaluation") or {}).get("test", {})
    if key == "reward_granularity":
        return {"granularity": rewards.granularity, "rationale": rewards.rationale}
    if key == "mixed_reward":
        return {"declared_rules": ", ".join(rule.label for rule in rewards.rules) or "none"}
    if key == "length_penalty" and (rule := rewards.length_penalty) is not None:
        twice = length_penalty(
            2 * rule.max_tokens, rule.min_tokens, rule.max_tokens, rule.width_tokens
        )
        return {"at_twice_the_maximum": rule.weight * twice}
    if key == "mean_margin" and (margin := test.get("margin")):
        return {"raw": margin["mean_raw"], "standardised": margin["mean_standardised"]}
    if key == "accuracy" and "pairs" in test:
        return {"pairs": test["pairs"], "prompts": test["prompts"]}
    if key == "calibration" and (found := reports.get("calibration")):
        return {name: found.get(name) for name in ("mean", "std", "temperature", "prompts")}
    if key == "champion" and (found := reports.get("champion")):
        return {"champion": found["champion"]["version"]}
    return {}


def failures(items: list[Item]) -> list[str]:
    """One line for each item that blocks: what was measured, what was asked, where it stands."""
    return [
        f"{item.key}: {'; '.join(map(explain_slices, _alike(item.checks)))}"
        for item in items
        if not item.passed
    ]


def _alike(checks: Sequence[Check]) -> list[list[dict[str, Any]]]:
    """The checks that block, those of one name, outcome and threshold together."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for check in checks:
        if check.blocks:
            alike = (check.name, check.outcome, check.threshold)
            groups.setdefault(alike, []).append(as_row(check))
    return list(groups.values())


def warnings(items: list[Item]) -> list[str]:
    """One line for each check of severity `warn` that failed or is undecided."""
    return [
        f"{item.key}: {explain(as_row(check))}"
        for item in items
        for check in item.checks
        if check.severity == "warn" and check.outcome in (FAIL, UNDECIDED)
    ]
