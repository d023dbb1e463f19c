"""dvc.yaml seen from Python: the order of its stages, what is stale, and running one stage."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from rewardgate.errors import BAD_INPUT, RewardGateError
from rewardgate.stage_order import stages_up_to
from rewardgate.stage_run import RUN

TARGET = "promote"
EXITED_WITH = re.compile(r"failed to run: .*, exited with (-?\d+)")


class StageFailed(Exception):
    """A stage ended with `exit_code`; BAD_INPUT too if DVC could not run it (a file is missing)."""

    def __init__(self, stage: str, exit_code: int, reason: str) -> None:
        super().__init__(f"stage {stage}: {reason}")
        self.stage = stage
        self.exit_code = exit_code
        self.reason = reason


def stage_order() -> list[str]:
    """Names of the stages that lead to the promotion, in the order in which DVC runs them."""
    return stages_up_to([TARGET])


def is_output(path: str) -> bool:
    """Whether a stage of dvc.yaml makes the file or folder `path`."""
    with Repo() as repo:
        return Path(path).resolve() in {Path(out.fs_path) for out in repo.index.outs}


def stale_stages() -> set[str]:
    """Names of the stages that `dvc repro promote` would run."""
    try:
        with Repo() as repo:
            return set(repo.status(targets=[TARGET], with_deps=True))
    except DvcException as error:
        raise RewardGateError(f"dvc.yaml: {' '.join(str(error).split())}") from None


def reproduce(stage: str, run: str) -> Iterator[str]:
    """Run one stage through DVC if it is stale, yielding its output line by line.

    run: name of the run, for the log of the stages
    Raises StageFailed if the stage fails.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "--single-item", stage],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", RUN: run},
    )
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        if text := line.rstrip():
            lines.append(text)
            yield text
    if process.wait() != 0:
        found = [match for line in lines if (match := EXITED_WITH.search(line))]
        explained = [line for line in lines if line.startswith("rewardgate: ")]
        errors = [line for line in lines if line.startswith("ERROR")]
        reason = (explained or errors or lines or ["no output"])[-1]
        raise StageFailed(
            stage,
            int(found[-1].group(1)) if found else BAD_INPUT,
            reason.removeprefix("rewardgate: "),
        )
