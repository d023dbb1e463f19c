"""SIGKILL at random moments of the stages, again and again until each had its share."""

import contextlib
import os
import queue
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.crashes.project import BEGINS, Project, Undisturbed
from benchmarks.crashes.watch import Watch

ALL, STAGE, RUNNER = "everything", "the stage", "the runner"
"""Who is killed: all processes of the run, the stage's alone, or DVC (or the flow) alone."""

RUNS = 400
"""A pass that needs more runs than this to get to its end does not get there."""


@dataclass
class Pass:
    """One project brought to its end through kills.

    kills: by stage and by who was killed; stops: the last lines of runs that ended by themselves
    with an error though no kill of ours ended them
    """

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    stops: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    loads: int = 0
    faults: list[str] = field(default_factory=list)


def killed_again_and_again(
    project: Project,
    command: Sequence[str],
    expected: Undisturbed,
    plan: Mapping[str, Sequence[str]],
    pids: Path | None,
    versions: Sequence[str],
    seed: int,
) -> Pass:
    """Run a command until it gets to its end, killed by plan, and compare what it ends with.

    plan: by stage, who is killed in it, one kill after another
    pids: the folder with the processes of a fork server, if it runs the command
    """
    draw = random.Random(seed)
    todo = {stage: list(kinds) for stage, kinds in plan.items()}
    done = Pass()
    with Watch(project.path / "models/promoted", versions) as watch:
        for _ in range(RUNS):
            run = Run(project, command, pids)
            killed, last = one_run(run, todo, expected.seconds, draw, done, watch)
            if not killed and run.code == 0:
                break
            if not killed:
                done.stops.append(last)
                if project.run("python", "-m", "flows.mend")[0] != 0:
                    (project.path / "dvc.lock").unlink(missing_ok=True)  # as it says
                if len(done.stops) > 20:
                    break
        run.kill(ALL)
    done.wrong = expected.differences(project, list(plan))
    done.loads, done.faults = watch.loads, watch.faults
    return done


def one_run(
    run: "Run",
    todo: dict[str, list[str]],
    seconds: Mapping[str, float],
    draw: random.Random,
    done: Pass,
    watch: Watch,
) -> tuple[bool, str]:
    """Follow one run to its end; whether a kill was the cause of it, and its last line."""
    stage, due, kind, killed, last = "", None, "", False, ""
    while True:
        wait = None if due is None else max(0.0, due - time.monotonic())
        line = run.line(wait)
        if line is None:  # it is time
            due = None
            if run.kill(kind):
                killed = True
                done.kills[stage, kind] += 1
                todo[stage].pop(0)
                watch.check()
                if kind != STAGE:
                    return True, last
            else:  # it has not come to the process that is meant, or is past it
                due = time.monotonic() + draw.uniform(0, 0.2)
            continue
        if line == "":
            return killed, last
        last = line.strip() or last
        if found := BEGINS.search(line):
            stage, due = found[1], None
            killed = False  # what was killed before was made up for within this run
            if todo.get(stage):
                kind = todo[stage][0]
                due = time.monotonic() + draw.uniform(0, 0.9 * seconds.get(stage, 1.0))


class Run:
    """A command under way, its lines, and its processes."""

    def __init__(self, project: Project, command: Sequence[str], pids: Path | None) -> None:
        self.path = project.path
        self.process = project.start(*command)
        self.pids = pids
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def code(self) -> int:
        return self.process.wait()

    def line(self, seconds: float | None) -> str | None:
        """The next line; "" at the end, None if there is none within that time."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            return None

    def kill(self, kind: str) -> bool:
        """Kill by SIGKILL; whether there was anybody to kill."""
        modules = self._modules()
        if kind == STAGE:
            chosen = [pid for pid, module in modules.items() if module.startswith("stages.")]
        elif kind == RUNNER:
            chosen = [pid for pid, module in modules.items() if module in ("dvc", "flows.retrain")]
            chosen = chosen[:1]
        else:
            chosen = list(modules)
        for pid in chosen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if kind == ALL and chosen:
            time.sleep(0.05)
            self.kill(ALL)  # what was being started at that moment
        return bool(chosen)

    def _modules(self) -> dict[int, str]:
        """By process that runs in the project's folder, oldest first, the module that it runs."""
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if one.cwd() == str(self.path) and one.status() != psutil.STATUS_ZOMBIE:
                    found.append((one.create_time(), one.pid, self._module(one)))
        return {pid: module for _, pid, module in sorted(found)}

    def _module(self, process: psutil.Process) -> str:
        command = process.cmdline()
        if any(word.endswith("client.py") for word in command):
            return "waits for a fork"
        if self.pids is not None and (file := self.pids / str(process.pid)).is_file():
            command = file.read_text(encoding="utf-8").split()
        return command[command.index("-m") + 1] if "-m" in command[:-1] else ""

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(line)
        with contextlib.suppress(subprocess.SubprocessError):
            self.process.wait()
        self._lines.put("")
