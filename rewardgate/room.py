"""How much room the checks of a verdict leave to their thresholds."""

from collections.abc import Sequence
from typing import Any

from rewardgate.judgement import FAIL, NOT_APPLICABLE, PASS, UNDECIDED
from rewardgate.wording import is_measured

WORST_FIRST = (FAIL, UNDECIDED, PASS, NOT_APPLICABLE)

NEAREST = 5
"""Slices of a check that pass and are shown all the same: those with the least room."""


def room(check: dict[str, Any]) -> tuple[int, float]:
    """Failed checks first; then by the distance to the threshold in parts of the threshold."""
    rank = WORST_FIRST.index(check["outcome"])
    if not is_measured(check["judged"]) or check["threshold"] is None:
        return rank, -float("inf")
    distance = check["judged"] - check["threshold"]
    if check["comparison"] in ("<", "<="):
        distance = -distance
    return rank, distance / max(abs(check["threshold"]), 1e-9)


def spare(checks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a verdict that a first reading can do without: what passes with room.

    Of each check the NEAREST slices that pass are kept, and one more rather than fold it alone.
    """
    passing: dict[str, list[dict[str, Any]]] = {}
    for check in checks:
        if check["outcome"] == PASS:
            passing.setdefault(check["name"], []).append(check)
    many = (rows for rows in passing.values() if len(rows) > NEAREST + 1)
    return [row for rows in many for row in sorted(rows, key=room)[NEAREST:]]
