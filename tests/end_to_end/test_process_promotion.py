"""With a process weight, DVC makes the process model, the gate judges it, a bundle holds it."""

import json
import sys
from pathlib import Path

import httpx
import pytest
from project import make_project, tiny_changes

from rewardgate.bundle import load_promoted
from rewardgate.errors import BLOCKED
from rewardgate.files import sha256_file, sha256_folder, write_json
from tests.server.served import served

DVC = (sys.executable, "-m", "dvc")
PROMPT, RESPONSE = "what is two plus two ?", "two plus two\nis four"


def test_a_promotion_with_a_process_model(tiny_decoder: Path, tmp_path: Path) -> None:
    project = make_project(
        tmp_path / "project",
        *tiny_changes(tiny_decoder),
        "process.simulate.problems=60",
        "process.presets.other={batch_pairs: 32}",
        "rewards.process_weight=0.5",
        "gate.process=reports/process.json",
    )
    path = project.path
    finished = project.run(*DVC, "repro", "promote")
    verdict = json.loads((path / "reports/verdict.json").read_text())
    assert finished.returncode != 0, "so small a model is always blocked"
    assert f"exited with {BLOCKED}" in finished.stderr + finished.stdout
    assert verdict["process_sha256"] == sha256_folder(path / "models/process")
    report = path / "reports/process.json"
    assert verdict["reports"]["reports/process.json"] == sha256_file(report)
    checks = [check for item in verdict["items"] for check in item["checks"]]
    (judged,) = [check for check in checks if check["name"] == "process_f1"]
    assert judged["value"] == json.loads(report.read_text())["test"]["f1"]

    override = ("promote", "--override", "--by", "test", "--reason", "it is a test")
    finished = project.run(sys.executable, "-m", "rewardgate", *override)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    finished = project.run(sys.executable, "-m", "rewardgate", "verify")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    bundle = load_promoted(path / "models/promoted")
    row = bundle.reward(PROMPT, RESPONSE)
    assert 0 < row["process"] < 0.5
    with served(path / "models/promoted") as client:
        answer: httpx.Response = client.post(
            "/score", json={"prompts": [PROMPT], "responses": [RESPONSE]}
        )
    assert answer.json()["rewards"] == pytest.approx([row["reward"]], abs=1e-5)
    assert answer.json()["parts"][0]["process"] == pytest.approx(row["process"], abs=1e-5)

    write_json(report, {**json.loads(report.read_text()), "process_sha256": "another"})
    finished = project.run(sys.executable, "-m", "stages.gate")
    assert finished.returncode == 2
    told = "reports/process.json: is of another process model; run `dvc repro evaluate_process`"
    assert finished.stderr.strip().endswith(told)
    finished = project.run(sys.executable, "-m", "stages.promote")
    assert finished.returncode == 2
    assert "reports/process.json: changed after the gate judged it" in finished.stderr
    report.unlink()
    finished = project.run(sys.executable, "-m", "stages.gate")
    assert "no such file; run `dvc repro evaluate_process`" in finished.stderr
