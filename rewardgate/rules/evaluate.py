"""Runs rules on one response; a rule that fails is reported, never hidden."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardgate.entry_points import told
from rewardgate.errors import RewardGateError
from rewardgate.rules.errors import MissingReferenceError, RuleUnavailableError
from rewardgate.rules.rule import Rule


@dataclass(frozen=True)
class RuleResult:
    """What one rule says of one response.

    value: in [0, 1]; None where the rule does not apply to this prompt
    error: why the rule itself failed, its value being 0; else None
    """

    value: float | None
    error: str | None = None


def check_rules(rules: Sequence[Rule]) -> None:
    """Raises RewardGateError if a name or an option is wrong, or a label occurs twice."""
    for label, times in Counter(rule.label for rule in rules).items():
        if times > 1:
            raise RewardGateError(f"rule {label}: occurs {times} times; give each its own label")
    for rule in rules:
        rule.function  # noqa: B018


def require_machine(rules: Sequence[Rule]) -> None:
    """Raises RuleUnavailableError, with the reason, if a rule needs what this machine lacks."""
    if any(rule.name == "code" for rule in rules):
        from rewardgate.rules.sandbox import require_sandbox

        require_sandbox()


def evaluate_rules(
    rules: Sequence[Rule], prompt: str, response: str, reference: Any
) -> dict[str, RuleResult]:
    """The results by the rules' labels.

    reference: what every rule is handed; a mapping holds one for each label instead, and a rule
        that needs one and has none there does not apply
    Raises RewardGateError if a rule is wrong (see `check_rules`), needs what this machine lacks, or
    fails under `on_error: error`.
    """
    check_rules(rules)
    return {rule.label: _evaluate(rule, prompt, response, reference) for rule in rules}


def broken(rules: Sequence[Rule], results: Mapping[str, RuleResult]) -> tuple[str, ...]:
    """Labels of the hard rules that apply and whose value is below their `least`."""
    return tuple(
        rule.label
        for rule in rules
        if rule.hard and (value := results[rule.label].value) is not None and value < rule.least
    )


def _evaluate(rule: Rule, prompt: str, response: str, reference: Any) -> RuleResult:
    own = reference.get(rule.label) if isinstance(reference, Mapping) else reference
    try:
        value = float(rule.function(prompt, response, own))
        if not 0 <= value <= 1:
            raise ValueError(f"the value {value} is not in [0, 1]")
    except RuleUnavailableError:
        raise
    except Exception as error:
        if isinstance(error, MissingReferenceError) and isinstance(reference, Mapping):
            return RuleResult(None)
        if rule.on_error == "error":
            raise RewardGateError(
                f"rule {rule.label}: failed with {told(error)}; mend it or set on_error: zero"
            ) from None
        return RuleResult(0.0, told(error))
    return RuleResult(value)
