"""The verdict, and the weights of the reward, as tables for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rewardgate.room import room
from rewardgate.weights import TradeOff
from rewardgate.wording import name, required, value_and_threshold

RESULTS = {
    "fail": ("FAIL", "bold red"),
    "undecided": ("UNDECIDED", "bold red"),
    "pass": ("pass", "green"),
    "not applicable": ("n/a", ""),
}
"""Word and style of each outcome."""


def print_verdict(verdict: dict[str, Any], console: Console) -> None:
    """Print one row an item, with its worst check, the warnings, and the verdict as last line."""
    items = verdict["items"]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, width=min(console.width, 100))
    table.add_column("item", no_wrap=True)
    table.add_column("worst check", ratio=1)
    table.add_column("value", justify="right")
    table.add_column("must be", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for item in items:
        style = "" if item["passed"] else "red"
        result = Text(*RESULTS[item["outcome"]])
        table.add_row(name(item["key"]), *_worst(item), result, style=style)
    console.print(table)
    for line in verdict["warnings"]:
        console.print(Text(f"warning: {line}", style="yellow"), soft_wrap=True)
    failed = [name(item["key"]) for item in items if not item["passed"]]
    if failed:
        line = f"BLOCKED: {len(failed)} of {len(items)} items fail: {', '.join(failed)}"
    else:
        line = f"PROMOTED: all {len(items)} items pass"
    console.print(Text(line, style="bold red" if failed else "bold green"), soft_wrap=True)


def _worst(item: dict[str, Any]) -> tuple[str, str, str]:
    """The check with the least room to its threshold, and how many other checks block."""
    checks = [check for check in item["checks"] if check["severity"] == "block"]
    if not checks:
        return "nothing could be judged", "", ""
    worst = min(checks, key=room)
    if worst["outcome"] == "not applicable":
        return worst["note"], "", ""
    others = sum(check["blocks"] for check in checks if check is not worst)
    bound = {"lower95": ", lower bound", "upper95": ", upper bound"}.get(worst["bound"], "")
    what = name(worst["what"]) + bound + (f" (and {others} more fail)" if others else "")
    if worst["outcome"] == "undecided":
        what = f"{name(worst['what'])}: {worst['note']}"
    return what, value_and_threshold(worst)[0], required(worst)


def print_weights(found: Sequence[TradeOff], advice: Mapping[str, float], console: Console) -> None:
    """Print one row a weight that was tried; the one in use and the advised one are marked."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("part", "weight", "accuracy, %", "against 0", "hacks", ""):
        table.add_column(title, justify="left" if title in ("part", "") else "right", no_wrap=True)
    for one in found:
        wanted = advice.get(one.part) == one.weight
        accuracy = one.accuracy
        spread = (
            f" [{100 * accuracy.low:.1f}, {100 * accuracy.high:.1f}]"
            if accuracy.low is not None and accuracy.high is not None
            else ""
        )
        table.add_row(
            name(one.part),
            f"{one.weight:g}",
            f"{100 * accuracy.estimate:.1f}{spread}",
            f"{100 * one.against_none.estimate:+.1f}",
            f"{100 * one.hacks_rewarded:.1f}",
            {(1, 0): "in use", (0, 1): "advised", (1, 1): "both"}.get((one.in_use, wanted), ""),
            style="red" if one.loses else "",
        )
    console.print(table)
    console.print(
        "accuracy: pairs of the eval split that the mixed reward ranks as annotators did\n"
        "hacks: share of the probes, %, whose changed text gains mixed reward\n"
        "both: in use and advised; red: shown to cost accuracy"
    )
