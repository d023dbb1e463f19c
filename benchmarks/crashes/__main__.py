"""Kill every stage at random moments, take away disk, remote, cache and server; does it recover?

    python -m benchmarks.crashes --out DIR [--markdown docs/crashes_table.md]

DIR is a folder for the projects; a part that is done there with that seed is not done again, so
that the command can be stopped and continued, and the tables hold what was done with every seed.
Needs Linux; the full disk needs the right to mount a tmpfs.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import stages  # noqa: F401  (quiet and offline, as in the commands)
from benchmarks.crashes.faults import BY_DVC, BY_FLOW, FAULTS
from benchmarks.crashes.kills import ALL, RUNNER, STAGE, killed_again_and_again
from benchmarks.crashes.project import (
    PROMOTED,
    TARGETS,
    Project,
    Undisturbed,
    promoting_project,
    undisturbed,
)
from benchmarks.crashes.promotions import killed_at_each_operation, killed_at_random
from benchmarks.forked import fork_server
from benchmarks.table import markdown
from rewardgate.files import read_json, write_json, write_text
from rewardgate.stage_order import stages_up_to

RANDOM_PROMOTIONS = 60


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the projects")
    parser.add_argument("--seed", type=int, default=0, help="draws the moments")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--markdown", type=Path, help="write the tables there as well")
    args = parser.parse_args(arguments)
    args.out = args.out.resolve()
    args.out.mkdir(parents=True, exist_ok=True)
    before, expected = prepared(args.out)
    for name in args.only:
        record = args.out / f"{name}-{args.seed}.json"
        if not record.is_file():
            print(f"{name} ...", file=sys.stderr, flush=True)
            write_json(record, PARTS[name](before, expected, args.out, args.seed))
    found = {
        name: [read_json(record) for record in records]
        for name in PARTS
        if (records := sorted(args.out.glob(f"{name}-*.json")))
    }
    text = tables(found)
    print(text)
    if args.markdown:
        write_text(args.markdown, text)
    for line in failed(found):
        print(f"not as it should be: {line}", file=sys.stderr)
    return 1 if failed(found) else 0


def prepared(out: Path) -> tuple[Project, Undisturbed]:
    """The project that every part starts from, and what it ends with if nothing disturbs it."""
    record, before = out / "undisturbed.json", Project(out / "before", out)
    if not record.is_file():
        with forks(before) as (python, _):
            promoting_project(python)
            run = undisturbed(python.copied(out / "undisturbed"), BY_DVC)
        write_json(record, asdict(run))
    return before, Undisturbed(**read_json(record))


@contextmanager
def forks(project: Project) -> Iterator[tuple[Project, Path]]:
    """The project with its Python commands forked meanwhile, and the folder of their pids."""
    with fork_server(project.home / f"fork-{os.getpid()}", project.environment) as folder:
        path = f"{folder}:{project.environment['PATH']}"
        yield Project(project.path, project.home, {"PATH": path}), folder / "pids"


def kills_by_dvc(before: Project, expected: Undisturbed, out: Path, seed: int) -> dict[str, Any]:
    plan = dict.fromkeys(expected.seconds, (ALL, STAGE, RUNNER, ALL))
    return kills(before, expected, out / f"killed-by-dvc-{seed}", BY_DVC, plan, seed)


def kills_by_flow(before: Project, expected: Undisturbed, out: Path, seed: int) -> dict[str, Any]:
    """Each stage alone twice, which the flow makes up for; then all of the run, or the flow."""
    plan = {
        stage: (STAGE, STAGE, (ALL, RUNNER)[number % 2])
        for number, stage in enumerate(stages_up_to([TARGETS[0]]))
    }
    return kills(before, expected, out / f"killed-by-flow-{seed}", BY_FLOW, plan, seed)


def kills(
    before: Project,
    expected: Undisturbed,
    path: Path,
    command: Sequence[str],
    plan: Mapping[str, Sequence[str]],
    seed: int,
) -> dict[str, Any]:
    with forks(before) as (python, pids):
        project = python.copied(path)
        done = killed_again_and_again(
            project, command, expected, plan, pids, list(expected.promoted.values()), seed
        )
    return {
        **vars(done),
        "kills": [[stage, kind, count] for (stage, kind), count in done.kills.items()],
        "leftovers": project.leftovers(),
    }


def promotions(before: Project, expected: Undisturbed, out: Path, seed: int) -> dict[str, Any]:
    project = Project(out / "undisturbed", out).copied(out / "killed-promotions")
    old = before.copied(out / "old-promotions").path / PROMOTED
    with_old(project.path / PROMOTED, old)
    return {
        "each": asdict(killed_at_each_operation(project.path)),
        "random": asdict(killed_at_random(project.path, RANDOM_PROMOTIONS, seed)),
    }


def with_old(promoted: Path, old: Path) -> None:
    import shutil

    shutil.rmtree(promoted)
    shutil.copytree(old, promoted, symlinks=True)


def faults(before: Project, expected: Undisturbed, out: Path, seed: int) -> dict[str, Any]:
    found = {}
    with forks(before) as (python, _):
        for name, fault in FAULTS.items():
            record = out / f"fault-{name}-{seed}.json"
            if not record.is_file():
                print(f"  {name} ...", file=sys.stderr, flush=True)
                write_json(record, [asdict(one) for one in fault(python, expected, out, seed)])
            found[name] = read_json(record)
    return found


PARTS: dict[str, Callable[[Project, Undisturbed, Path, int], dict[str, Any]]] = {
    "kills-dvc": kills_by_dvc,
    "kills-flow": kills_by_flow,
    "promotions": promotions,
    "faults": faults,
}


def failed(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """What did not come out as it should."""
    passes = [*found.get("kills-dvc", []), *found.get("kills-flow", [])]
    wrong = [line for one in passes for line in (*one["wrong"], *one["faults"], *one["leftovers"])]
    for part in found.get("promotions", []):
        wrong += [line for kills in part.values() for line in kills["wrong"]]
    for one in outcomes(found):
        if not (one["same"] and one["loadable"]):
            wrong.append(one["what"])
    return wrong


def outcomes(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [one for part in found.get("faults", []) for fault in part.values() for one in fault]


def tables(found: dict[str, list[dict[str, Any]]]) -> str:
    """Kills by stage, promotions, and the other faults, each as a table in Markdown."""
    parts = []
    for name, runner in (("kills-dvc", "dvc repro"), ("kills-flow", "the flow")):
        if name in found:
            parts.append(stage_table(found[name], runner))
    if "promotions" in found:
        cells = [
            [name, str(one["kills"]), str(one["before"]), str(one["after"]), yes(not one["wrong"])]
            for part in found["promotions"]
            for name, one in part.items()
        ]
        titles = ["promotion killed", "kills", "old is current", "new is current", "next run whole"]
        parts.append(markdown(titles, cells))
    if "faults" in found:
        titles = ["fault", "told", "same hashes after it", "champion loadable"]
        cells = [
            [one["what"], one["told"] or "nothing", yes(one["same"]), yes(one["loadable"])]
            for one in outcomes(found)
        ]
        parts.append(markdown(titles, cells))
    return "\n\n".join(parts) + "\n"


def stage_table(passes: list[dict[str, Any]], runner: str) -> str:
    """A row for each stage: kills by who was killed, and whether its results are the same."""
    counts: Counter[tuple[str, str]] = Counter()
    for one in passes:
        counts.update({(stage, kind): count for stage, kind, count in one["kills"]})
    wrong, stops, faults = (
        [line for one in passes for line in one[key]] for key in ("wrong", "stops", "faults")
    )
    cells = [
        [
            stage,
            *(str(counts[stage, kind]) for kind in (ALL, STAGE, RUNNER)),
            yes(stage not in wrong),
        ]
        for stage in dict.fromkeys(stage for stage, _ in counts)
    ]
    total = ["all", *(str(sum(int(row[i]) for row in cells)) for i in (1, 2, 3))]
    cells.append([*total, yes(not wrong)])
    table = markdown([f"killed under {runner}", ALL, STAGE, RUNNER, "same hashes"], cells)
    lines = "".join(f"\n- `{line}`" for line in dict.fromkeys(stops))
    return (
        f"{table}\n\nPasses: {len(passes)}. The champion was loaded "
        f"{sum(one['loads'] for one in passes)} times meanwhile, in vain {len(faults)} times; runs "
        f"that stopped by themselves: {len(stops)}.{lines}"
    )


def yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    sys.exit(main())
