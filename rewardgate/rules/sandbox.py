"""Runs untrusted Python in namespaces of its own: no network, no files, bounded in all it uses.

util-linux' `unshare` makes new user, mount, process, network and IPC namespaces; `confined.py`
then keeps nothing of the file system but the Python installation, read-only, and a folder in
memory, and runs each task under resource limits. Where the kernel does not allow this, nothing
runs. As root no user namespace is made: the code runs under a user id that nobody else has.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rewardgate.rules.errors import RuleUnavailableError

STARTING_SECONDS = 20.0
FIRST_UID = 0x70000000
"""As root, the code of one sandbox has the user id FIRST_UID + its process id."""

MEND = "the rule `code` needs Linux 5.12 or newer, util-linux and permission to make namespaces"


class Limits(BaseModel):
    """seconds: wall time of one test; its processor time is bounded by the same, rounded up
    total_seconds: wall time of all tests of a response; those not reached fail
    memory_mb: address space of one process
    processes: processes and threads of one test (without root two fewer, the sandbox's own), so
        that its memory is at most processes * memory_mb
    disk_mb: the folder that the code may write to
    output_bytes: what a test may print or return
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: Annotated[float, Field(gt=0, le=600)] = 2.0
    total_seconds: Annotated[float, Field(gt=0, le=3600)] = 10.0
    memory_mb: Annotated[int, Field(ge=64)] = 512
    processes: Annotated[int, Field(ge=1, le=1024)] = 8
    disk_mb: Annotated[int, Field(ge=1)] = 16
    output_bytes: Annotated[int, Field(ge=1, le=2**24)] = 65536


@dataclass(frozen=True)
class Task:
    """One run of the code.

    program: the code alone, as __main__, with `text` as its standard input; answers what it prints
    value: `before` and then the expression `text` after the code; answers the value's repr
    check: `before` and then the statement `text` after the code; no answer
    """

    kind: Literal["program", "value", "check"]
    text: str
    before: str = ""


@dataclass(frozen=True)
class Outcome:
    """answer: see Task; fault: why the task did not come to its end, or None."""

    answer: str
    fault: str | None = None


def run_tasks(code: str, tasks: Sequence[Task], limits: Limits) -> list[Outcome]:
    """The outcome of each task, each in a fresh process.

    Raises RuleUnavailableError if there is no sandbox here.
    """
    require_sandbox()
    outcomes, error = _run(code, tasks, limits)
    if outcomes is None:
        raise RuntimeError(f"the sandbox ended early: {error}")
    return outcomes


@lru_cache(maxsize=1)
def require_sandbox() -> None:
    """Raises RuleUnavailableError, with the reason, if this machine gives no sandbox."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        raise RuleUnavailableError(f"no sandbox on this machine; {MEND}")
    outcomes, error = _run("", [Task("value", "1 + 1")], Limits())
    if outcomes != [Outcome("2")]:
        raise RuleUnavailableError(f"no sandbox on this machine ({outcomes or error}); {MEND}")


def _run(
    code: str, tasks: Sequence[Task], limits: Limits
) -> tuple[list[Outcome] | None, str | None]:
    """The outcomes, or None and why there are none."""
    root = os.geteuid() == 0
    process = subprocess.Popen(
        [
            str(shutil.which("unshare")),
            *([] if root else ["--user", "--map-root-user"]),
            *("--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child", "--"),
            *(_python(), "-s", "-S", "-P", "-B", "-X", "utf8", "-c", _program()),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "HOME": "/work", "TMPDIR": "/work", "PYTHONHASHSEED": "0"},
        cwd="/",
        start_new_session=True,
    )
    job = {
        "code": code,
        "tasks": [asdict(task) for task in tasks],
        "limits": limits.model_dump(),
        "uid": FIRST_UID + process.pid if root else None,
        "keep": _kept(),
    }
    try:
        reply, told = process.communicate(
            json.dumps(job).encode(), limits.total_seconds + limits.seconds + STARTING_SECONDS
        )
        outcomes: list[dict[str, Any]] = json.loads(reply)
    except subprocess.TimeoutExpired:
        return None, "it does not end"
    except ValueError:
        lines = told.decode(errors="replace").strip().splitlines()
        return None, lines[-1] if lines else f"exit code {process.returncode}"
    finally:
        _end(process)
    return [Outcome(**one) for one in outcomes], None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _python() -> str:
    return os.path.realpath(sys.executable)


@lru_cache(maxsize=1)
def _program() -> str:
    return Path(__file__).with_name("confined.py").read_text(encoding="utf-8")


def _kept() -> list[str]:
    """What of the file system stays readable."""
    system = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache"]
    return [*system, os.path.realpath(sys.base_prefix)]
