"""New rankings, training from the champion's weights: the real pipeline, and all of it again."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest
from judged_project import accuracy_checks
from policies import SETTINGS
from project import Project, make_project, tiny_changes

from rewardgate.errors import BLOCKED
from rewardgate.files import read_json, read_table
from rewardgate.normalise import matching_form
from rewardgate.trained_on import TRAINED_ON


def repro(project: Project) -> list[str]:
    """Promote; the stages that ran."""
    finished = project.run("dvc", "repro", "promote")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    lines = finished.stdout.splitlines()
    return [line.split("'")[1] for line in lines if line.startswith("Running stage '")]


@pytest.fixture(scope="module")
def project(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    checks = f"gate.checks={json.dumps(accuracy_checks(SETTINGS.gate.items, 0.0))}"
    changes = [
        *tiny_changes(tiny_encoder),
        checks,
        "ingest.inputs=rankings",
        "train.start=champion",
    ]
    made = make_project(tmp_path_factory.mktemp("start"), *changes)
    assert made.run("dvc", "repro", "simulate").returncode == 0
    with gzip.open(made.path / "data/simulated/rankings.jsonl.gz", "rt", encoding="utf-8") as all_:
        lines = all_.readlines()
    (made.path / "rankings").mkdir()
    for name, part in (("first", lines[:90]), ("later", lines[90:])):
        (made.path / f"{name}.jsonl").write_text("".join(part), encoding="utf-8")
    return made


def test_new_rankings_start_from_the_champion_and_can_be_made_again(project: Project) -> None:
    path = project.path
    promoted = path / "models/promoted"
    (path / "first.jsonl").rename(path / "rankings/first.jsonl")
    assert "train" in repro(project)
    assert read_json(path / "models/start.json") is None
    first = (promoted / "current").resolve()
    assert repro(project) == ["start", "champion", "promote"]

    (path / "later.jsonl").rename(path / "rankings/later.jsonl")
    assert {"start", "split", "train"} <= {*repro(project)}
    start = read_json(path / "models/start.json")
    second = (promoted / "current").resolve()
    assert start["version"] == first.name != second.name
    assert read_json(second / "reports/train.json")["start"] == start
    known, seen = (read_table(bundle / TRAINED_ON) for bundle in (second, first))
    assert {*seen["prompt"]} < {*known["prompt"]}
    trained = {*seen.query("split == 'train'")["prompt"]}
    splits = [read_table(path / f"data/split/{n}.parquet") for n in ("eval", "calibration", "test")]
    assert not trained & {matching_form(one) for one in pd.concat(splits)["prompt"]}
    assert repro(project) == ["start", "champion", "promote"]
    assert (promoted / "current").resolve() == second

    project.set("seed=1")
    finished = project.run("rewardgate", "verify", "--rederive")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Running stage 'train'" in finished.stdout
    lines = [line for line in finished.stdout.splitlines() if line.startswith("pass")]
    assert [line[6:20].strip() for line in lines] == [
        "manifest", "files", "signature", "evidence", "verdict", "history",
        "data again", "model again", "reports again", "verdict again",
    ]  # fmt: skip
    weights = second / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    finished = project.run("rewardgate", "verify", "--rederive")
    assert finished.returncode == BLOCKED
    assert "FAIL  file           model.safetensors: altered" in finished.stdout
    assert "Running stage" not in finished.stdout
