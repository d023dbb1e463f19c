"""The verdict as a table for the terminal."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rewardgate.wording import is_measured, name, value_and_threshold


def print_verdict(verdict: dict[str, Any], console: Console) -> None:
    """Print one row an item, with its worst check, and the verdict as the last line."""
    items = verdict["items"]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, width=min(console.width, 100))
    table.add_column("item", no_wrap=True)
    table.add_column("worst check", ratio=1)
    table.add_column("value", justify="right")
    table.add_column("must be", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for item in items:
        style = "" if item["passed"] else "red"
        table.add_row(name(item["key"]), *_worst(item), _result(item["passed"]), style=style)
    console.print(table)
    failed = [name(item["key"]) for item in items if not item["passed"]]
    if failed:
        line = f"BLOCKED: {len(failed)} of {len(items)} items fail: {', '.join(failed)}"
    else:
        line = f"PROMOTED: all {len(items)} items pass"
    console.print(Text(line, style="bold red" if failed else "bold green"), soft_wrap=True)


def _worst(item: dict[str, Any]) -> tuple[str, str, str]:
    """The check with the least room to its threshold, and how many other checks fail."""
    if not item["checks"]:
        return "nothing could be judged", "", ""
    worst = min(item["checks"], key=_room)
    others = sum(not check["passed"] for check in item["checks"] if check is not worst)
    value, threshold = value_and_threshold(worst)
    what = name(worst["what"]) + (f" (and {others} more fail)" if others else "")
    return what, value, f"{worst['comparison']} {threshold}"


def _room(check: dict[str, Any]) -> tuple[bool, float]:
    """Failed checks first; then by the distance to the threshold in parts of the threshold."""
    if not is_measured(check["value"]):
        return False, -float("inf")
    distance = check["value"] - check["threshold"]
    if check["comparison"] == "<=":
        distance = -distance
    elif check["comparison"] == "is":
        distance = -abs(distance)
    return check["passed"], distance / max(abs(check["threshold"]), 1e-9)


def _result(passed: bool) -> Text:
    return Text("pass", style="green") if passed else Text("FAIL", style="bold red")
