"""A promotion killed at each of its file operations, and at random moments between them."""

import itertools
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.crashes.project import PROMOTED
from rewardgate.bundle import load_promoted
from rewardgate.history import read_history
from rewardgate.promotion import require_intact
from stages import promote

OPERATIONS = ("open", "os.", "shutil.", "fcntl.")
"""Audit events of Python that come before a change of files."""

KEPT = ".promoted-before"


@dataclass
class Kills:
    """What came of one promotion after another, each killed once.

    wrong: what was not as it should be after a kill, or after the run that followed it
    before, after: after how many kills the old and the new version was current
    """

    kills: int = 0
    before: int = 0
    after: int = 0
    wrong: list[str] = field(default_factory=list)


def killed_at_each_operation(project: Path, first: int = 1, step: int = 1) -> Kills:
    """Kill a promotion before its first file operation, another before its second, and so on.

    step: only every so many operations, from `first` on
    """
    done = Kills()
    with _copies(project) as again:
        for number in itertools.count(first, step):
            again()
            if not _killed(partial(_kill_self_at, number)):
                break
            _judge(project, done, f"operation {number}")
            if done.wrong:
                break
    return done


def killed_at_random(project: Path, kills: int, seed: int) -> Kills:
    """Kill promotions at random moments of the time that one takes."""
    done, draw = Kills(), random.Random(seed)
    with _copies(project) as again:
        again()
        start = time.monotonic()
        _promoted()
        seconds = time.monotonic() - start
        while done.kills < kills and not done.wrong:
            again()
            moment = draw.uniform(0, seconds)
            if _killed(lambda: None, moment):
                _judge(project, done, f"after {moment:.4f} s")
    return done


@contextmanager
def _copies(project: Path) -> Iterator[Callable[[], None]]:
    """Enters the project; yields what gives back what was promoted before."""
    here, kept = Path.cwd(), project / KEPT

    def again() -> None:
        shutil.rmtree(PROMOTED)
        shutil.copytree(kept, PROMOTED, symlinks=True)

    os.chdir(project)
    shutil.copytree(PROMOTED, kept, symlinks=True)
    try:
        yield again
    finally:
        again()
        shutil.rmtree(kept)
        os.chdir(here)


def _killed(prepare: Callable[[], None], moment: float | None = None) -> bool:
    """Promote in a fork that is killed; whether it was, and not over before."""
    child = _fork(prepare)
    if moment is not None:
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _promoted() -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(_fork(lambda: None), 0)[1]) == 0


def _fork(prepare: Callable[[], None]) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
        try:
            prepare()
            code = promote.main()
        finally:
            os._exit(code)
    return child


def _kill_self_at(number: int) -> None:
    """Kill this process before that operation on a file under models/promoted."""
    seen = 0

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event.startswith(OPERATIONS) and str(PROMOTED) in repr(arguments):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)


def _judge(project: Path, done: Kills, moment: str) -> None:
    """After a kill: is a whole version current, and does the next run make up for the rest?"""
    done.kills += 1
    old = os.readlink(project / KEPT / "current")
    try:
        champion = load_promoted(PROMOTED)
        champion.reward("2 + 2?", "4")
        read_history(PROMOTED)
    except Exception as error:
        done.wrong.append(f"{moment}: {type(error).__name__}: {error}")
        return
    if champion.version == old:
        done.before += 1
    else:
        done.after += 1
    if not _promoted():
        done.wrong.append(f"{moment}: the next promotion failed")
        return
    new, last = os.readlink(PROMOTED / "current"), read_history(PROMOTED)[-1]
    require_intact(PROMOTED / new, None)
    left = [path.name for path in PROMOTED.iterdir() if path.name.endswith(".tmp")]
    if new == old or last.version != new or os.readlink(PROMOTED / "previous") != old or left:
        done.wrong.append(f"{moment}: current {new}, in the history {last.version}, left {left}")
