"""The costs of the runs as a self-contained page and as a picture."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rewardgate.costs import FAILED, UNFINISHED, RunCost
from rewardgate.costs_report import RUN_COLUMNS, STAGE_COLUMNS, run_rows, stage_rows
from rewardgate.files import atomic_path
from rewardgate.report import TEMPLATES
from rewardgate.report.canvas import BAD, GOOD, legend_above, sheet, svg

HEIGHT = 3.6
RUNS_DRAWN = 100


def render_costs(costs: Sequence[RunCost]) -> str:
    """The page: the newest run stage by stage, then every run. At least one run must be given."""
    with sheet(HEIGHT) as figure:
        _draw(figure, costs)
        plot = svg(figure, "costs", "Seconds and peak memory of each run")
    return TEMPLATES.get_template("costs.html").render(
        last=costs[-1],
        stage_columns=STAGE_COLUMNS,
        stages=stage_rows(costs[-1]),
        run_columns=RUN_COLUMNS,
        runs=run_rows(costs)[::-1],
        plot=plot,
    )


def plot_costs(costs: Sequence[RunCost], path: Path) -> None:
    """Write a picture of seconds and peak memory, run by run."""
    with sheet(HEIGHT) as figure:
        _draw(figure, costs)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", dpi=200, metadata={"Software": None})


def _draw(figure: Figure, costs: Sequence[RunCost]) -> None:
    """Two panels over the newest `RUNS_DRAWN` runs; one that failed or was killed is a cross."""
    shown = costs[-RUNS_DRAWN:]
    above, below = figure.subplots(2, sharex=True)
    _panel(above, shown, [one.seconds for one in shown], "seconds")
    _panel(below, shown, [one.peak_mib for one in shown], "peak MiB")
    legend_above(above)
    first = len(costs) - len(shown) + 1
    ticks = sorted({0, len(shown) // 2, len(shown) - 1})
    below.set_xticks(ticks, [f"{first + one}\n{shown[one].started[:10]}" for one in ticks])
    below.set_xlabel("run")


def _panel(axes: Axes, shown: Sequence[RunCost], values: Sequence[float], label: str) -> None:
    cut_off = [one.outcome in (FAILED, UNFINISHED) for one in shown]
    for marker, color, wanted, name in (
        ("o", GOOD, False, "ran to its verdict"),
        ("x", BAD, True, "failed or cut off"),
    ):
        places = [place for place, cut in enumerate(cut_off) if cut is wanted]
        axes.plot(places, [values[place] for place in places], color=color, marker=marker, ms=4,
                  lw=0, label=name)  # fmt: skip
    axes.plot(range(len(values)), values, color=GOOD, lw=0.8, alpha=0.5)
    axes.set_ylabel(label)
    axes.set_ylim(0, max([*values, 1.0]) * 1.1)
