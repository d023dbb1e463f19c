"""What stands nearest to its threshold is shown first, and what passes with room may be folded."""

from typing import Any

import pytest

from rewardgate.room import NEAREST, room, spare


def row(judged: float | None, outcome: str = "pass", **changes: Any) -> dict[str, Any]:
    return {
        "name": "c", "judged": judged, "threshold": 0.2, "comparison": "<=", "outcome": outcome,
        **changes,
    }  # fmt: skip


def test_room_is_the_distance_in_thresholds_on_the_side_that_passes() -> None:
    assert room(row(0.1))[1] == pytest.approx(0.5)
    assert room(row(0.1, comparison=">="))[1] == pytest.approx(-0.5)
    assert room(row(1.0, threshold=0.0, comparison=">"))[1] == pytest.approx(1e9)
    unmeasured = room(row(None, "undecided"))
    assert unmeasured < room(row(0.1, "undecided"))
    ordered = ["fail", "undecided", "pass", "not applicable"]
    assert sorted(set(ordered), key=lambda outcome: room(row(0.1, outcome))) == ordered


def test_passing_slices_but_the_nearest_are_spare() -> None:
    rows = [row(i / 100) for i in range(10)]
    assert spare(rows) == rows[:5][::-1]
    assert spare(rows[: NEAREST + 1]) == []
    failing = [row(0.3 + i, "fail") for i in range(9)]
    others = [row(i / 100, name=f"other {i}") for i in range(9)]
    assert spare([*failing, *others, *rows]) == rows[:5][::-1]
