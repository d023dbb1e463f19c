"""Time and peak memory of the data stages on made-up rankings of several sizes.

    python -m benchmarks.data --out FOLDER --responses 10000 100000 --plot data_stages.png

Each step is a process of its own, in a project of its own under FOLDER, which is kept: the figures
lie in FOLDER/figures.csv, and a step whose figures lie there is not measured again. Near-duplicate
grouping, which is part of split, is measured by itself as well.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
from matplotlib.ticker import EngFormatter, NullFormatter

from benchmarks.table import markdown
from rewardgate.files import atomic_path, write_json
from rewardgate.params import change_params
from rewardgate.report.canvas import MUTED, sheet

ROOT = Path(__file__).parents[1]
STEPS = {
    "ingest": "stages.ingest",
    "validate": "stages.validate",
    "split": "stages.split",
    "grouping": "benchmarks.grouping",
}
TITLES = ["responses", "step", "seconds", "CPU seconds", "peak MiB"]
PNG_WIDTH, PNG_HEIGHT, PNG_DPI = 8.0, 3.0, 200
LIMIT_MIB = 2048


def measure(project: Path, step: str) -> tuple[float, float, float]:
    """Seconds on the clock, seconds of CPU and peak resident MiB of one step."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", STEPS[step]],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        code = os.waitstatus_to_exitcode(status)
        raise SystemExit(f"{step} failed with exit code {code} (negative: a signal)")
    seconds = time.perf_counter() - start
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def make_project(project: Path, responses: int) -> None:
    """Rankings, params.yaml and the base to start from; another process writes the rankings, as a
    step's peak counts this one's."""
    command = [sys.executable, "-m", "benchmarks.ranking_files", str(project / "rankings")]
    subprocess.run([*command, str(responses)], cwd=ROOT, check=True)
    params = project / "params.yaml"
    params.write_bytes((ROOT / "params.yaml").read_bytes())
    change_params(params, ["ingest.inputs=rankings"])
    write_json(project / "models/start.json", None)


def save_png(figures: pd.DataFrame, path: Path) -> None:
    """CPU seconds and peak MiB over responses, a line a step, with what is linear beside them."""
    with sheet(PNG_HEIGHT) as figure:
        figure.set_size_inches(PNG_WIDTH, PNG_HEIGHT)
        time_axes, memory_axes = figure.subplots(1, 2)
        for axes, column in ((time_axes, "CPU seconds"), (memory_axes, "peak MiB")):
            for step in STEPS:
                of_step = figures[figures["step"] == step].sort_values("responses")
                axes.plot(of_step["responses"], of_step[column], marker="o", ms=3, label=step)
            axes.set(xscale="log", yscale="log", xlabel="responses", ylabel=column)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(EngFormatter(sep=""))
                axis.set_minor_formatter(NullFormatter())
        last = figures[figures["step"] == "split"].nlargest(1, "responses")
        top, seconds = last["responses"].item(), last["CPU seconds"].item()
        ends = pd.Series([figures["responses"].min(), top])
        time_axes.plot(ends, ends / top * seconds, color=MUTED, ls=":", label="linear")
        memory_axes.axhline(LIMIT_MIB, color=MUTED, ls="--", lw=1)
        memory_axes.annotate("2 GiB", (ends[0], LIMIT_MIB), va="bottom", color=MUTED)
        memory_axes.set_ylim(100, 2 * LIMIT_MIB)
        figure.legend(*time_axes.get_legend_handles_labels(), loc="outside upper left", ncols=5)
        with atomic_path(path) as part:
            figure.savefig(
                part, format="png", dpi=PNG_DPI, facecolor="white", metadata={"Software": None}
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--responses", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--plot", type=Path, help="write the picture here, a PNG")
    args = parser.parse_args()
    args.out = args.out.resolve()
    kept = args.out / "figures.csv"
    figures = pd.read_csv(kept) if kept.exists() else pd.DataFrame(columns=TITLES)
    for responses in args.responses:
        project = args.out / str(responses)
        if not project.exists():
            make_project(project, responses)
        for step in STEPS:
            if not ((figures["responses"] == responses) & (figures["step"] == step)).any():
                figures.loc[len(figures)] = [responses, step, *measure(project, step)]
                figures.to_csv(kept, index=False)
    rows = [
        [f"{responses:,}", step, *(f"{figure:.0f}" for figure in measured)]
        for responses, step, *measured in figures.itertuples(index=False)
    ]
    print(markdown(TITLES, rows))
    if args.plot:
        save_png(figures, args.plot)


if __name__ == "__main__":
    main()
