"""The pipeline whole, with the real DVC and the real Prefect, on a tiny base model."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from project import Project, make_project, tiny_changes

from rewardgate.errors import BAD_INPUT, BLOCKED
from rewardgate.files import sha256_folder

STAGES = [
    "simulate", "ingest", "validate", "start", "split", "audit", "train", "calibrate", "evaluate",
    "stress", "probe", "adversary", "champion", "compare", "gate", "promote",
]  # fmt: skip


def explained(stderr: str) -> list[str]:
    """The lines meant for the user, among the log lines of Prefect."""
    return [line for line in stderr.splitlines() if line.startswith("rewardgate: ")]


@pytest.fixture(scope="module")
def by_dvc(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("by-dvc"), *tiny_changes(tiny_encoder))
    finished = project.run("dvc", "repro", "promote")
    assert "blocked: " in finished.stdout, finished.stdout + finished.stderr
    assert "Traceback" not in finished.stdout + finished.stderr
    assert finished.returncode != 0
    return project


def test_a_blocked_run_leaves_verdict_report_and_refusal_but_no_promotion(by_dvc: Project) -> None:
    verdict = json.loads((by_dvc.path / "reports/verdict.json").read_text())
    assert verdict["verdict"] == "blocked"
    assert [item["key"] for item in verdict["items"]][4:6] == ["mean_margin", "accuracy"]
    assert "reports/verdict.json" in by_dvc.lock()
    assert (by_dvc.path / "reports/report.html").stat().st_size > 10_000
    (refusal,) = (by_dvc.path / "models/refused").iterdir()
    assert json.loads(refusal.read_text())["failures"] == verdict["failures"] != []
    assert not (by_dvc.path / "models/promoted").exists()


def test_the_flow_does_the_same_work_with_the_same_hashes(
    by_dvc: Project, tiny_encoder: Path, tmp_path: Path
) -> None:
    project = make_project(tmp_path, *tiny_changes(tiny_encoder))
    finished = project.run("python", "-m", "flows.retrain")
    output = finished.stdout + finished.stderr
    assert finished.returncode == BLOCKED, output
    assert project.lock() == by_dvc.lock()
    (reason,) = explained(finished.stderr)
    assert reason.startswith("rewardgate: promotion blocked: ")
    assert "mean_margin" in reason
    assert "Traceback" not in output
    for stage in STAGES:
        assert f"Running stage '{stage}'" in output


def test_the_flow_leaves_the_checklist_as_an_artifact(
    by_dvc: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.retrain import checklist_markdown

    monkeypatch.chdir(by_dvc.path)
    verdict = json.loads((by_dvc.path / "reports/verdict.json").read_text())
    markdown = checklist_markdown(verdict)
    assert "# Verdict: blocked" in markdown
    assert "report.html)" in markdown
    outcomes = [
        check["outcome"] for item in verdict["items"] for check in item["checks"] if check["blocks"]
    ]
    assert markdown.count("**FAIL**") == outcomes.count("fail") > 0
    assert markdown.count("**UNDECIDED**") == outcomes.count("undecided") > 0
    assert "| not applicable |" in markdown


def test_running_again_runs_nothing_but_the_refused_promotion(by_dvc: Project) -> None:
    before = by_dvc.lock()
    finished = by_dvc.run("dvc", "repro", "promote")
    assert [s for s in STAGES if f"Running stage '{s}'" in finished.stdout] == [
        "start", "champion", "promote",
    ]  # fmt: skip
    assert by_dvc.lock() == before


def test_a_threshold_change_reruns_the_gate_alone(by_dvc: Project) -> None:
    by_dvc.set("gate.checks.accuracy.threshold=0.66")
    finished = by_dvc.run("dvc", "repro", "promote")
    assert [s for s in STAGES if f"Running stage '{s}'" in finished.stdout] == [
        "start", "champion", "gate", "promote",
    ]  # fmt: skip
    by_dvc.set("gate.checks.accuracy.threshold=0.65")


def test_status_and_report_tell_the_refusal(by_dvc: Project) -> None:
    by_dvc.run("dvc", "repro", "gate")
    status = by_dvc.run("rewardgate", "status")
    assert status.returncode == 0, status.stderr
    assert "promoted:  nothing yet" in status.stdout
    assert "candidate: blocked" in status.stdout
    report = by_dvc.run("rewardgate", "report")
    assert "BLOCKED" in report.stdout.upper()
    assert "reports/report.html" in report.stdout
    score = by_dvc.run("rewardgate", "score", "2 + 2?", "4")
    assert score.returncode == BAD_INPUT
    assert score.stderr.strip() == (
        "rewardgate: models/promoted: nothing was promoted yet; run `rewardgate run`"
    )


def test_a_killed_training_resumes_to_the_same_model(
    by_dvc: Project, tiny_encoder: Path, tmp_path: Path
) -> None:
    project = make_project(tmp_path, *tiny_changes(tiny_encoder))
    process = subprocess.Popen(
        ["dvc", "repro", "train"],
        cwd=project.path,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    checkpoints = project.path / "models/checkpoints"
    deadline = time.monotonic() + 300
    while not list(checkpoints.glob("*/step-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list(checkpoints.glob("*/step-*")), "killed before the first checkpoint"
    assert not (project.path / "models/candidate").exists()

    finished = project.run("dvc", "repro", "train")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "resuming after step" in finished.stdout
    assert sha256_folder(project.path / "models/candidate") == sha256_folder(
        by_dvc.path / "models/candidate"
    )
    assert not checkpoints.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["ingest.inputs=data/nowhere"], "data/nowhere"),
        (["train.base=./nowhere"], "no config.json there"),
        (
            ["gate.checks.accuracy.figure=evaluation:test.figures.acuracy"],
            "gate.checks: accuracy: evaluation:test.figures.acuracy: test.figures has no figure "
            "acuracy; did you mean accuracy?",
        ),
        (["gate.champion=models/nowhere"], "models/nowhere: the champion is no promoted bundle"),
    ],
)
def test_bad_settings_are_one_line_before_any_stage(
    tiny_encoder: Path, tmp_path: Path, changes: list[str], message: str
) -> None:
    project = make_project(tmp_path, *tiny_changes(tiny_encoder), *changes)
    finished = project.run("rewardgate", "run")
    assert finished.returncode == BAD_INPUT, finished.stdout + finished.stderr
    assert message in explained(finished.stderr)[-1]
    assert "Traceback" not in finished.stdout + finished.stderr
    assert not (project.path / "dvc.lock").exists()


def test_an_unknown_key_in_params_is_one_line(tmp_path: Path, tiny_encoder: Path) -> None:
    project = make_project(tmp_path, *tiny_changes(tiny_encoder))
    params = project.path / "params.yaml"
    params.write_text("speed: 9\n" + params.read_text(encoding="utf-8"), encoding="utf-8")
    for command in (["rewardgate", "run"], ["python", "-m", "stages.ingest"]):
        finished = project.run(*command)
        assert finished.returncode == BAD_INPUT
        assert (
            finished.stderr.strip()
            == "rewardgate: params.yaml: speed: unknown key; remove it or mend its spelling"
        )


def test_a_command_outside_a_project_says_so(tmp_path: Path) -> None:
    finished = Project(tmp_path).run("rewardgate", "status")
    assert finished.returncode == BAD_INPUT
    assert "no dvc.yaml with a params.yaml" in finished.stderr
