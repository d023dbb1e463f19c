"""Time and peak memory of ingest, validate and split on made-up rankings of several sizes.

    python -m benchmarks.data --out FOLDER --responses 10000 100000

Each stage is a process of its own, in a project of its own under FOLDER, which is kept.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.ranking_files import write
from benchmarks.table import markdown
from rewardgate.params import change_params

ROOT = Path(__file__).parents[1]
STAGES = ("ingest", "validate", "split")


def measure(project: Path, stage: str) -> list[str]:
    """Seconds on the clock, seconds of CPU and peak resident MiB of one stage."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{stage} failed; its error stands above")
    seconds = time.perf_counter() - start
    return [
        f"{seconds:.0f}",
        f"{used.ru_utime + used.ru_stime:.0f}",
        f"{used.ru_maxrss / 1024:.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--responses", type=int, nargs="+", default=[10_000, 100_000])
    args = parser.parse_args()
    rows = []
    for responses in args.responses:
        project = args.out / str(responses)
        write(project / "rankings", responses)
        params = project / "params.yaml"
        params.write_bytes((ROOT / "params.yaml").read_bytes())
        change_params(params, ["ingest.inputs=rankings"])
        rows += [[f"{responses:,}", stage, *measure(project, stage)] for stage in STAGES]
    print(markdown(["responses", "stage", "seconds", "CPU seconds", "peak MiB"], rows))


if __name__ == "__main__":
    main()
