"""The verdict in the terminal."""

import io
from typing import Any

from rich.console import Console

from rewardgate.verdict_table import print_verdict


def check(
    what: str, value: float | None, threshold: float, outcome: str, **more: Any
) -> dict[str, Any]:
    return {
        "what": what, "value": value, "low": None, "high": None, "judged": value, "bound": "point",
        "holm": False, "comparison": ">", "threshold": threshold, "severity": "block",
        "outcome": outcome, "blocks": outcome in ("fail", "undecided"), "note": None,
        "evidence": "reports/evaluation.json:test.accuracy", **more,
    }  # fmt: skip


def item(key: str, *checks: dict[str, Any], outcome: str = "") -> dict[str, Any]:
    blocked = not checks or any(one["blocks"] for one in checks)
    outcome = outcome or ("fail" if blocked else "pass")
    return {
        "key": key, "title": key, "outcome": outcome, "passed": not blocked,
        "checks": list(checks), "context": {},
    }  # fmt: skip


def lines(*items: dict[str, Any], **console: Any) -> list[str]:
    stream = io.StringIO()
    verdict = {"items": list(items), "warnings": ["accuracy: a warning"]}
    print_verdict(verdict, Console(file=stream, **console))
    return stream.getvalue().rstrip("\n").split("\n")


def row(printed: list[str], start: str) -> str:
    return " ".join(next(line for line in printed if line.startswith(f" {start}")).split())


GOOD = item("accuracy", check("accuracy", 0.742, 0.65, "pass"))
BAD = item(
    "domains",
    check("facts: accuracy", 0.66, 0.55, "pass"),
    check("code: accuracy", 0.5, 0.55, "fail"),
    check("safety: accuracy", 0.3, 0.6, "fail"),
)


def test_the_worst_check_of_each_item_and_the_verdict_last() -> None:
    printed = lines(GOOD, BAD, width=80)
    assert row(printed, "accuracy") == "accuracy accuracy 0.742 > 0.650 pass"
    assert row(printed, "domains").startswith("domains safety: accuracy (and 1")
    assert row(printed, "domains").endswith("0.300 > 0.600 FAIL")
    assert printed[-1] == "BLOCKED: 1 of 2 items fail: domains"
    assert lines(GOOD)[-1] == "PROMOTED: all 1 items pass"


def test_what_was_not_measured_comes_first_and_fails() -> None:
    unmeasured = item("margin", check("low", -9.0, 1.0, "fail"), check("none", None, 1.0, "fail"))
    assert "none (and 1 more fail)" in row(lines(unmeasured), "margin")
    assert row(lines(item("domains")), "domains") == "domains nothing could be judged FAIL"


def test_it_fits_eighty_columns_without_colour_when_piped() -> None:
    printed = lines(GOOD, BAD)
    assert max(map(len, printed)) <= 80
    assert not any("\x1b" in line for line in printed)


def test_colour_where_there_is_a_terminal() -> None:
    assert any("\x1b[" in line for line in lines(BAD, force_terminal=True, color_system="standard"))


def test_bounds_undecided_items_and_those_that_do_not_apply() -> None:
    bound = check("accuracy", 0.7, 0.65, "pass", judged=0.66, bound="lower95")
    assert row(lines(item("accuracy", bound)), "accuracy") == (
        "accuracy accuracy, lower bound 0.660 > 0.650 pass"
    )
    few = check("code: accuracy", 0.7, 0.55, "undecided", note="only 3 prompts", holm=True)
    printed = lines(item("domains", few, outcome="undecided"))
    assert row(printed, "domains") == (
        "domains code: accuracy: only 3 prompts 0.700 not <= 0.550 UNDECIDED"
    )
    assert printed[-2:] == [
        "warning: accuracy: a warning", "BLOCKED: 1 of 1 items fail: domains",
    ]  # fmt: skip
    absent = check("accuracy", None, 0.0, "not applicable", note="there is no champion")
    printed = lines(item("champion", absent, outcome="not applicable"))
    assert row(printed, "champion") == "champion there is no champion n/a"
    assert printed[-1] == "PROMOTED: all 1 items pass"
