"""What the runs of a project cost: as rows, on the terminal, as a page and as a picture."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from rewardgate.costs import CACHED, UNFINISHED, RunCost, StageCost, run_costs
from rewardgate.files import write_text
from rewardgate.stage_log import LOG, read
from rewardgate.stage_order import stages_up_to
from rewardgate.wording import figure

PAGE, PLOT = Path("logs/costs.html"), Path("logs/costs.png")
RUNS_SHOWN = 20
STAGE_COLUMNS = ("stage", "", "seconds", "CPU seconds", "peak MiB", "counted")
RUN_COLUMNS = ("run", "began (UTC)", "", "seconds", "CPU seconds", "peak MiB", "ran", "cached")
LEFT = {"stage", "run", "began (UTC)", ""}


def read_costs(project: Path) -> list[RunCost]:
    """The runs of a project, oldest first; none if no stage was run yet.

    Raises RewardGateError if dvc.yaml cannot be read.
    """
    return run_costs(read(project / LOG), stages_up_to)


def write_costs(project: Path) -> list[RunCost]:
    """Write `PAGE` anew, if any stage was run yet; returns the runs, oldest first."""
    costs = read_costs(project)
    if costs:
        from rewardgate.report.costs_page import render_costs

        write_text(project / PAGE, render_costs(costs))
    return costs


def stage_rows(cost: RunCost) -> list[tuple[str, ...]]:
    """A row of `STAGE_COLUMNS` for each stage, and one for them all."""
    rows = [
        (one.stage, _outcome(one), *_figures(one, one.outcome not in (CACHED, UNFINISHED)),
         ", ".join(f"{figure(n)} {name.replace('_', ' ')}" for name, n in one.counts.items()))
        for one in cost.stages
    ]  # fmt: skip
    cached = f"{cost.cached} of {len(cost.stages)} cached"
    return [*rows, ("all", cached, *_figures(cost, True), "")]


def run_rows(costs: Sequence[RunCost]) -> list[tuple[str, ...]]:
    """A row of `RUN_COLUMNS` for each run."""
    return [
        (
            one.run,
            one.started[:16].replace("T", " "),
            one.outcome,
            *_figures(one, True),
            str(len(one.stages) - one.cached),
            str(one.cached),
        )
        for one in costs
    ]


def print_stages(cost: RunCost, console: Console) -> None:
    """Print what each stage of a run cost; what it counted stands on the page."""
    _print(STAGE_COLUMNS[:-1], [row[:-1] for row in stage_rows(cost)], console)


def print_runs(costs: Sequence[RunCost], console: Console) -> None:
    """Print the newest runs, one a row."""
    _print(RUN_COLUMNS, run_rows(costs[-RUNS_SHOWN:]), console)


def _print(columns: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in columns:
        table.add_column(title, justify="left" if title in LEFT else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _outcome(one: StageCost) -> str:
    return one.outcome if one.attempts < 2 else f"{one.outcome}, attempt {one.attempts}"


def _figures(one: StageCost | RunCost, known: bool) -> tuple[str, str, str]:
    if not known:
        return ("", "", "")
    return (f"{one.seconds:,.1f}", f"{one.cpu_seconds:,.1f}", f"{one.peak_mib:,.0f}")
