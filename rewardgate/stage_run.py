"""Running a stage with its record: the entry point that all stages share."""

import os
import re
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rewardgate.errors import run_or_explain
from rewardgate.stage_log import LOG, append
from rewardgate.tracing import trace

RUN = "REWARDGATE_RUN"
"""Environment variable with the name of the run that a stage belongs to."""

CRASHED = 1
MIB = 2**20

_counts: dict[str, int] = {}


def count(**numbers: int) -> None:
    """Note how many of each thing the running stage read or made; they go into its record."""
    _counts.update(numbers)


def run_stage(stage: str, main: Callable[[], int | None], began: float) -> int:
    """Run `main` as `run_or_explain` does, and record it in `LOG`; returns its exit code.

    began: when the process began, by `time.monotonic`, so that imports count too
    One event tells that the stage started and one that it ended; a stage that was killed has only
    the first. Of the processes of one stage, the main one writes. A log that cannot be written,
    for want of space for instance, is told on stderr and stops nothing.
    """
    if os.environ.get("RANK", "0") != "0":
        return run_or_explain(main)
    who = {"run": run_name(), "stage": stage}
    _write({"event": "started", **who, "time": _now()})
    _counts.clear()
    code = CRASHED
    try:
        code = run_or_explain(lambda: _with_recorded_code(stage, main))
    finally:
        ended = {
            "event": "ended",
            **who,
            "time": _now(),
            "seconds": round(time.monotonic() - began, 3),
            "cpu_seconds": round(cpu_seconds(), 3),
            "peak_mib": round(peak_bytes() / MIB, 1),
            "exit_code": code,
            "counts": dict(_counts),
        }
        _write(ended)
        trace(ended)
    return code


def run_name() -> str:
    """Name of the run: given by the flow in `RUN`, otherwise start and id of the `dvc` process.

    A stage that was started by hand, without DVC, is a run of its own.
    """
    if name := os.environ.get(RUN):
        return name
    import psutil

    process = psutil.Process()
    with suppress(psutil.Error):
        for parent in process.parents():
            if _is_dvc(parent.cmdline()):
                process = parent
                break
    began = datetime.fromtimestamp(process.create_time(), UTC)
    return f"{began:%Y%m%dT%H%M%S}-{process.pid}"


def peak_bytes() -> int:
    """The most memory, resident, of this process or of the largest of its children so far.

    Linux carries `ru_maxrss` over an exec, so that of this process would begin with the size of
    the DVC that started it; VmHWM does not.
    """
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    with suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        if found := re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE):
            return max(int(found[1]) * 1024, children)
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, children)


def cpu_seconds() -> float:
    """Processor time of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _with_recorded_code(stage: str, main: Callable[[], int | None]) -> int | None:
    """Run `main` if the installed code is that by which DVC knows the stage."""
    from rewardgate.installed_code import require_recorded_code

    require_recorded_code(stage)
    return main()


def _is_dvc(command: list[str]) -> bool:
    return any(Path(part).name == "dvc" for part in command[:3])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write(event: dict[str, Any]) -> None:
    try:
        append(LOG, event)
    except OSError as error:
        print(f"{LOG}: not written: {error.strerror or error}", file=sys.stderr)
