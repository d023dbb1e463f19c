"""The verdict in the terminal."""

import io
from typing import Any

from rich.console import Console

from rewardgate.verdict_table import print_verdict


def check(what: str, value: float | None, threshold: float, passed: bool) -> dict[str, Any]:
    return {
        "what": what, "value": value, "comparison": ">", "threshold": threshold,
        "passed": passed, "evidence": "reports/evaluation.json:test.accuracy",
    }  # fmt: skip


def item(key: str, *checks: dict[str, Any]) -> dict[str, Any]:
    passed = bool(checks) and all(one["passed"] for one in checks)
    return {"key": key, "title": key, "passed": passed, "checks": list(checks), "context": {}}


def lines(*items: dict[str, Any], **console: Any) -> list[str]:
    stream = io.StringIO()
    print_verdict({"items": list(items)}, Console(file=stream, **console))
    return stream.getvalue().rstrip("\n").split("\n")


def row(printed: list[str], start: str) -> str:
    return " ".join(next(line for line in printed if line.startswith(f" {start}")).split())


GOOD = item("accuracy", check("accuracy", 0.742, 0.65, True))
BAD = item(
    "domains",
    check("facts: accuracy", 0.66, 0.55, True),
    check("code: accuracy", 0.5, 0.55, False),
    check("safety: accuracy", 0.3, 0.6, False),
)


def test_the_worst_check_of_each_item_and_the_verdict_last() -> None:
    printed = lines(GOOD, BAD, width=80)
    assert row(printed, "accuracy") == "accuracy accuracy 0.742 > 0.650 pass"
    assert row(printed, "domains").startswith("domains safety: accuracy (and 1")
    assert row(printed, "domains").endswith("0.300 > 0.600 FAIL")
    assert printed[-1] == "BLOCKED: 1 of 2 items fail: domains"
    assert lines(GOOD)[-1] == "PROMOTED: all 1 items pass"


def test_what_was_not_measured_comes_first_and_fails() -> None:
    unmeasured = item("margin", check("low", -9.0, 1.0, False), check("none", None, 1.0, False))
    assert "none (and 1 more fail)" in row(lines(unmeasured), "margin")
    assert row(lines(item("domains")), "domains") == "domains nothing could be judged FAIL"


def test_it_fits_eighty_columns_without_colour_when_piped() -> None:
    printed = lines(GOOD, BAD)
    assert max(map(len, printed)) <= 80
    assert not any("\x1b" in line for line in printed)


def test_colour_where_there_is_a_terminal() -> None:
    assert any("\x1b[" in line for line in lines(BAD, force_terminal=True, color_system="standard"))
