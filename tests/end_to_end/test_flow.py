"""The flow with the real Prefect engine, on a pipeline of two small stages."""

import contextlib
import re
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest
import yaml
from project import ROOT, Project
from served_prefect import wait_for

from rewardgate.errors import BAD_INPUT, BLOCKED

DEAD = "http://127.0.0.1:9/api"


def small_project(path: Path, second: str) -> Project:
    """A project whose pipeline is two shell commands; `second` is that of `promote`."""
    for name in ("rewardgate", "stages", "flows"):
        (path / name).symlink_to(ROOT / name)
    for name in ("params.yaml", "data/stress_cases.yaml"):
        (path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, path / name)
    stages = {
        "prepare": {"cmd": "echo prepared > prepared.txt", "outs": ["prepared.txt"]},
        "promote": {"cmd": second, "deps": ["prepared.txt"]},
    }
    (path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    project = Project(path)
    project.run("git", "init", "-q")
    project.run("dvc", "init", "-q")
    project.set("ingest.inputs=data/stress_cases.yaml")  # there is no ingest stage to read it
    return project


def test_other_libraries_log_no_traceback_while_the_temporary_server_stops(tmp_path: Path) -> None:
    code = (
        "import flows, logging; from prefect.logging.configuration import setup_logging; "
        "setup_logging(); logging.getLogger('sqlalchemy.pool.impl').error('Exception during reset')"
    )
    finished = small_project(tmp_path, "true").run("python", "-c", code)
    assert (finished.returncode, finished.stdout + finished.stderr) == (0, "")


def test_the_flow_does_not_wait_for_torch(tmp_path: Path) -> None:
    code = "import sys, flows.retrain; print({'torch', 'transformers'} & set(sys.modules))"
    assert small_project(tmp_path, "true").run("python", "-c", code).stdout == "set()\n"


@pytest.mark.parametrize(
    ("second", "code", "message", "attempts"),
    [
        ("sh -c 'echo run >> runs; exit 2'", 2, "exited with 2", 1),
        ("sh -c 'echo run >> runs; kill -9 $$'", 1, r"exited with (-9|137)\n", 3),
        ("sh -c 'echo run >> runs; test $(wc -l < runs) = 2'", 0, "", 2),
    ],
)
def test_crashes_are_retried_and_explained_failures_are_not(
    tmp_path: Path, second: str, code: int, message: str, attempts: int
) -> None:
    project = small_project(tmp_path, second)
    finished = project.run("python", "-m", "flows.retrain")
    output = finished.stdout + finished.stderr
    assert finished.returncode == code, output
    assert re.search(message, finished.stderr)
    runs = tmp_path / "runs"
    assert len(runs.read_text().splitlines()) == attempts
    assert finished.returncode != BLOCKED


def test_a_dead_prefect_server_is_one_line_before_any_stage(tmp_path: Path) -> None:
    project = small_project(tmp_path, "true")
    finished = project.run("env", f"PREFECT_API_URL={DEAD}", "rewardgate", "run")
    assert finished.returncode == BAD_INPUT, finished.stderr
    (line,) = [line for line in finished.stderr.splitlines() if line.startswith("rewardgate: ")]
    assert line.startswith(f"rewardgate: {DEAD}: no Prefect server answers (")
    assert line.endswith("`prefect server start`, or unset PREFECT_API_URL, and run again")
    assert "Traceback" not in finished.stdout + finished.stderr
    assert not (tmp_path / "dvc.lock").exists()


def test_a_flow_that_is_killed_leaves_no_temporary_server(tmp_path: Path) -> None:
    project = small_project(tmp_path, "sh -c 'touch begun; sleep 60'")
    flow = subprocess.Popen(
        ["python", "-m", "flows.retrain"],
        cwd=tmp_path,
        env=project.environment,
    )
    started: list[psutil.Process] = []
    try:
        wait_for((tmp_path / "begun").exists, "the last stage begins", 600)
        started = psutil.Process(flow.pid).children(recursive=True)
        servers = [one for one in started if "uvicorn" in one.cmdline()]
        flow.kill()
        assert len(servers) == 1
        assert psutil.wait_procs(servers, timeout=60)[1] == []
    finally:
        flow.kill()
        flow.wait()
        for one in started:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
