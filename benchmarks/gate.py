"""Does the gate block every spoilt reward model, for the right reason, and pass the sound ones?

`python -m benchmarks.gate --out DIR`. Each case is a project of its own that runs the real
pipeline; a case that is done is not done again, so the command can be stopped and continued.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

import stages  # noqa: F401  (quiet, as in the commands)
from benchmarks.forked import fork_server
from benchmarks.sabotage import SABOTAGES, Sabotage
from benchmarks.table import markdown
from rewardgate.errors import BLOCKED
from rewardgate.files import read_json, write_json
from rewardgate.params import change_params

ROOT = Path(__file__).parent.parent
SOUND = "sound"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the projects")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--only", nargs="+", choices=[SOUND, *SABOTAGES], help="these cases alone")
    parser.add_argument("--set", nargs="*", default=[], help="KEY=VALUE in every project")
    args = parser.parse_args(arguments)
    names = args.only or [SOUND, *SABOTAGES]
    cases = [(name, seed) for seed in args.seeds for name in names]
    records = {case: args.out / f"{case[0].replace(' ', '-')}-{case[1]}.json" for case in cases}
    missing = [case for case in cases if not records[case].is_file()]
    if missing:
        with forks(args.out):
            for name, seed in tqdm(missing, unit="case"):
                write_json(records[name, seed], run_case(name, seed, args.out, args.set))
    outcomes: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for case, record in records.items():
        outcomes[case[0]].append(read_json(record))
    print(markdown(["case", "blocked", "for the right reason", "caught by"], table(outcomes)))
    return 0


@contextmanager
def forks(out: Path) -> Iterator[None]:
    """Fork the Python commands of the cases meanwhile: their imports take a minute of each."""
    path = os.environ["PATH"]
    with fork_server(out / f"fork-{os.getpid()}", dict(os.environ)) as folder:
        os.environ["PATH"] = f"{folder}:{Path(sys.executable).parent}:{path}"
        try:
            yield
        finally:
            os.environ["PATH"] = path


def table(outcomes: dict[str, list[dict[str, Any]]]) -> list[list[str]]:
    """One row a case; `caught by` counts the seeds in which an item of the checklist failed."""
    rows = []
    for name, found in outcomes.items():
        causes = SABOTAGES[name].causes if name in SABOTAGES else ()
        caught = Counter(item for outcome in found for item in outcome["failed"])
        named = sum(bool(set(causes) & set(outcome["failed"])) for outcome in found)
        listed = ", ".join(f"{item} {count}" for item, count in sorted(caught.items()))
        blocked = sum(not outcome["promoted"] for outcome in found)
        right = f"{named} of {len(found)}" if causes else ""
        rows.append([name, f"{blocked} of {len(found)}", right, listed])
    return rows


def run_case(name: str, seed: int, out: Path, changes: Sequence[str]) -> dict[str, Any]:
    """Run one case to its end: whether it was promoted, and what failed or was refused."""
    sabotage = SABOTAGES.get(name, Sabotage("nothing", ()))
    project = out / f"{name.replace(' ', '-')}-{seed}"
    if sabotage.spoils_the_sound_model:
        if not (out / f"{SOUND}-{seed}.json").is_file():
            write_json(out / f"{SOUND}-{seed}.json", run_case(SOUND, seed, out, changes))
        shutil.rmtree(project, ignore_errors=True)
        shutil.copytree(out / f"{SOUND}-{seed}", project, symlinks=True)
        shutil.rmtree(project / "models/promoted", ignore_errors=True)
    elif not project.exists():
        make_project(project)
        change_params(project / "params.yaml", [f"seed={seed}", *changes, *sabotage.params])
    if sabotage.act is not None and sabotage.after is not None:
        dvc(project, "repro", sabotage.after)
        sabotage.act(project)
        if sabotage.after != "gate":
            dvc(project, "commit", "--force", sabotage.after)
    if sabotage.after != "gate":
        dvc(project, "repro", "gate")
    promote = _run(project, "python", "-m", "stages.promote")
    if promote.returncode not in (0, BLOCKED):
        refused = [cause for cause in sabotage.causes if cause in promote.stderr]
        return {"promoted": False, "failed": refused, "failures": [promote.stderr.strip()]}
    verdict = read_json(project / "reports/verdict.json")
    return {
        "promoted": promote.returncode == 0,
        "failed": [item["key"] for item in verdict["items"] if not item["passed"]],
        "failures": verdict["failures"],
    }


def make_project(project: Path) -> None:
    """A copy of the tracked files as they are now, in a git repository of its own."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, project / name)
    _checked(project, "git", "init", "--quiet")


def dvc(project: Path, *arguments: str) -> None:
    _checked(project, "python", "-m", "dvc", *arguments)


def _checked(project: Path, *command: str) -> None:
    finished = _run(project, *command)
    if finished.returncode != 0:
        raise SystemExit(f"{project}: {' '.join(command)}:\n{finished.stdout}{finished.stderr}")


def _run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(project)}
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main())
