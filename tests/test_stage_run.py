"""A stage's record, by running stages as processes of their own."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from project import ROOT

from rewardgate.stage_log import LOG, read

START = "import sys; from stages import run_stage; sys.argv[0] = 'stages/{}.py'\n"


def run(
    folder: Path, body: str, stage: str = "ingest", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a stage whose `main` is `body`, in `folder`."""
    script = START.format(stage) + f"def main():\n    {body}\nsys.exit(run_stage(main))\n"
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def events(folder: Path) -> list[dict[str, Any]]:
    return read(folder / LOG)


def test_a_record_says_what_ran_how_long_and_what_it_counted(tmp_path: Path) -> None:
    body = (
        "import time; from rewardgate.stage_run import count; time.sleep(0.3); "
        "count(prompts=5); count(pairs=9)"
    )
    finished = run(tmp_path, body, REWARDGATE_RUN="tuesday")
    assert (finished.returncode, finished.stderr) == (0, "")
    started, ended = events(tmp_path)
    assert (started["event"], ended["event"]) == ("started", "ended")
    assert (ended["run"], ended["stage"], ended["exit_code"]) == ("tuesday", "ingest", 0)
    assert ended["counts"] == {"prompts": 5, "pairs": 9}
    assert ended["seconds"] >= 0.3
    assert ended["cpu_seconds"] > 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return 3", 3),
        ("from rewardgate.errors import RewardGateError; raise RewardGateError('x: mend it')", 2),
        ("1 / 0", 1),
    ],
)
def test_a_stage_that_fails_is_recorded_and_fails_as_before(
    tmp_path: Path, body: str, code: int
) -> None:
    assert run(tmp_path, body).returncode == code
    assert events(tmp_path)[-1]["exit_code"] == code


def test_a_killed_stage_has_started_and_not_ended(tmp_path: Path) -> None:
    finished = run(tmp_path, f"import os; os.kill(os.getpid(), {signal.SIGKILL})")
    assert finished.returncode == -signal.SIGKILL
    assert [one["event"] for one in events(tmp_path)] == ["started"]


MIB_300 = 300 * 2**20


@pytest.mark.parametrize(
    "body",
    [
        f"held = bytearray({MIB_300}); held[::4096] = bytes(len(held[::4096]))",
        f"import subprocess; subprocess.run([sys.executable, '-c', "
        f"'held = b\"x\" * {MIB_300}'], check=True)",
    ],
    ids=["its own", "its child's"],
)
def test_the_peak_is_that_of_the_largest_process(tmp_path: Path, body: str) -> None:
    small = run(tmp_path, "pass")
    assert small.returncode == run(tmp_path, body).returncode == 0
    without, ended = (one for one in events(tmp_path) if one["event"] == "ended")
    assert without["peak_mib"] < 250
    assert 300 <= ended["peak_mib"] < 600


def test_a_large_parent_is_not_counted(tmp_path: Path) -> None:
    held = b"x" * (2 * MIB_300)
    assert run(tmp_path, "pass").returncode == 0
    assert len(held) == 2 * MIB_300
    assert events(tmp_path)[-1]["peak_mib"] < 250


def test_only_the_main_process_of_many_writes(tmp_path: Path) -> None:
    assert run(tmp_path, "return 3", RANK="1").returncode == 3
    assert events(tmp_path) == []


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    finished = run(tmp_path, "print('done')")
    assert (finished.returncode, finished.stdout) == (0, "done\n")
    assert "logs/stages.jsonl: not written: " in finished.stderr
    assert "Traceback" not in finished.stderr


def test_stages_of_one_dvc_repro_are_one_run(tmp_path: Path) -> None:
    """The ancestor that is called `dvc` names the run, whatever lies between."""
    dvc = tmp_path / "dvc"
    inner = START.format("NAME") + "sys.exit(run_stage(lambda: 0))"
    dvc.write_text(
        "import subprocess, sys\n"
        f"for name in ('ingest', 'split'):\n"
        f"    code = {inner!r}.replace('NAME', name)\n"
        "    subprocess.run(['sh', '-c', '\"$0\" -c \"$1\"; exit $?', sys.executable, code])\n"
    )
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    variables.pop("REWARDGATE_RUN", None)
    for _ in range(2):
        subprocess.run([sys.executable, str(dvc)], cwd=tmp_path, env=variables, check=True)
        time.sleep(0.01)
    ended = [one for one in events(tmp_path) if one["event"] == "ended"]
    assert [one["stage"] for one in ended] == ["ingest", "split"] * 2
    runs = [one["run"] for one in ended]
    assert runs[0] == runs[1] != runs[2] == runs[3]
    assert re.fullmatch(r"\d{8}T\d{6}-\d+", runs[0])
