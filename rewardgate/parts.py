"""The parts of rewards as lists of numbers, which trainers log."""

from collections.abc import Sequence
from typing import Any


def logged_parts(rows: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """By name one number for each row of `Promoted.rewards`: all but the reward itself.

    The part of a rule is `rule_LABEL`, 0 where the rule does not apply. `broken` and `faults`
    count the hard rules that a response fails and the rules that failed themselves.
    """
    if not rows:
        return {}
    numbers = [
        name
        for name, value in rows[0].items()
        if isinstance(value, int | float) and name not in ("reward", "promoted")
    ]
    labels = dict.fromkeys(label for row in rows for label in row["rules"])
    return {
        **{name: [float(row[name]) for row in rows] for name in numbers},
        **{f"rule_{label}": [row["rules"].get(label, 0.0) for row in rows] for label in labels},
        **{name: [float(len(row[name])) for row in rows] for name in ("broken", "faults")},
    }
