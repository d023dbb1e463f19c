"""Rederiving, with the real git and DVC, on a pipeline of two stages that take no time."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, sha256_file, sha256_folder
from rewardgate.manifest import Manifest, bundle_files
from rewardgate.promotion import make_manifest, publish
from rewardgate.rederive import rederive

DVC_YAML = """
stages:
  train:
    cmd: python train.py
    deps: [data/rankings.txt, train.py]
    params: [seed]
    outs: [models/candidate]
  gate:
    cmd: python gate.py
    deps: [models/candidate]
    outs: [reports/evaluation.json, reports/verdict.json]
"""
TRAIN = """
import os, pathlib, yaml
pathlib.Path("models/candidate").mkdir(parents=True)
text = pathlib.Path("data/rankings.txt").read_text() + os.environ.get("NOISE", "")
seed = yaml.safe_load(open("params.yaml"))["seed"]
pathlib.Path("models/candidate/model.safetensors").write_text(f"{seed} {text}")
with open(os.environ["RUNS"], "a") as runs:
    runs.write("train\\n")
"""
GATE = """
import json, pathlib
pathlib.Path("reports").mkdir(exist_ok=True)
current = pathlib.Path("models/promoted/current")
champion = {"version": current.resolve().name} if current.exists() else None
length = len(pathlib.Path("models/candidate/model.safetensors").read_text())
json.dump({"length": length}, open("reports/evaluation.json", "w"))
json.dump({"champion": champion}, open("reports/verdict.json", "w"))
"""
FILES = {
    "dvc.yaml": DVC_YAML,
    "train.py": TRAIN,
    "gate.py": GATE,
    "params.yaml": "seed: 1\ngate: {champion: current}\ntrain: {base: minilm}\n",
    ".gitignore": "/data/rankings.txt\n/models\n/reports\n",
}


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def dvc(*arguments: str) -> None:
    run(sys.executable, "-m", "dvc", *arguments)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of which seed 2 has been run, in a subfolder of a git repository."""
    path = tmp_path_factory.mktemp("repository") / "project"
    with pytest.MonkeyPatch.context() as patch:
        (path / "data").mkdir(parents=True)
        patch.chdir(path)
        patch.setenv("RUNS", os.devnull)
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        for name, text in FILES.items():
            Path(name).write_text(text)
        Path("data/rankings.txt").write_text("a is better than b")
        run("git", "init", "-q", "..")
        dvc("init", "-q", "--subdir")
        run("git", "add", "-A")
        run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "all")
        Path("params.yaml").write_text(FILES["params.yaml"].replace("seed: 1", "seed: 2"))
        dvc("repro", "-q", "gate")
    return path


@pytest.fixture
def project(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = shutil.copytree(prepared.parent, tmp_path / "repository", symlinks=True) / "project"
    monkeypatch.chdir(path)
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    return path


def promoted(**changes: object) -> tuple[Path, Manifest]:
    verdict = {
        "verdict": "promoted",
        "model_sha256": sha256_folder("models/candidate"),
        "data": {"data/rankings.txt": sha256_file("data/rankings.txt")},
    }
    reports = {f"reports/{name}.json": Path(f"reports/{name}.json") for name in NAMES}
    files = {**bundle_files(Path("models/candidate")), **reports}
    params = {"seed": 2, "gate": {"champion": "current"}, "train": {"base": "minilm"}}
    made = make_manifest(files, verdict, params, Path("dvc.lock")).model_copy(update=changes)
    return publish(files, made, Path("models/promoted"))[0], made


NAMES = ("evaluation", "verdict")


def test_a_promotion_is_made_again_by_training_again(project: Path, tmp_path: Path) -> None:
    bundle, manifest = promoted()
    assert manifest.git.changed_files == []
    findings = rederive(bundle, manifest)
    assert [(one.what, one.passed) for one in findings] == [
        ("data again", True), ("model again", True), ("reports again", True),
        ("verdict again", True),
    ]  # fmt: skip
    assert (tmp_path / "runs").read_text() == "train\n"


def test_a_model_that_comes_out_otherwise_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, manifest = promoted()
    monkeypatch.setenv("NOISE", "!")
    older = manifest.model_copy(update={"environment": {**manifest.environment, "torch": "1.0"}})
    found = {one.what: one for one in rederive(bundle, older)}
    assert found["data again"].passed
    assert found["verdict again"].passed
    assert found["model again"].words.startswith("model.safetensors: other content than promoted")
    assert "instead of 1.0: install what was recorded" in found["model again"].words
    assert not found["reports again"].passed


def test_data_from_outside_git_come_from_dvc_s_cache_by_their_recorded_hash(
    project: Path,
) -> None:
    bundle, manifest = promoted()
    dvc("add", "-q", "data/rankings.txt")
    Path("data/rankings.txt").write_text("b is better than a")
    assert all(one.passed for one in rederive(bundle, manifest))


def test_data_that_are_nowhere_any_more_are_one_clear_error(project: Path) -> None:
    bundle, manifest = promoted()
    Path("data/rankings.txt").write_text("b is better than a")
    found = {one.what: one for one in rederive(bundle, manifest)}
    assert found["data again"].words.startswith("data/rankings.txt: other content than promoted")
    Path("data/rankings.txt").unlink()
    with pytest.raises(RewardGateError, match=r"data/rankings.txt: neither in git, nor in DVC's"):
        rederive(bundle, manifest)


def test_the_champion_of_that_time_is_the_champion_again(project: Path) -> None:
    first, _ = promoted()
    Path("reports/verdict.json").write_text(json.dumps({"champion": {"version": first.name}}))
    bundle, manifest = promoted()
    assert all(one.passed for one in rederive(bundle, manifest))
    shutil.rmtree(first)
    with pytest.raises(RewardGateError, match="the champion it was compared with is gone"):
        rederive(bundle, manifest)


@pytest.mark.parametrize(
    ("git", "reason"),
    [
        ({"commit": None, "changed_files": []}, "promoted outside a git repository"),
        ({"commit": "0" * 40, "changed_files": []}, "is not in this repository; fetch it"),
        (
            {"commit": "0" * 40, "changed_files": ["train.py"]},
            r"uncommitted changes \(train.py\); commit them and promote again",
        ),
    ],
)
def test_what_cannot_be_made_again_is_refused_with_the_reason(
    project: Path, git: dict[str, object], reason: str
) -> None:
    bundle, manifest = promoted()
    changed = Manifest.model_validate({**manifest.model_dump(), "git": git})
    with pytest.raises(RewardGateError, match=reason):
        rederive(bundle, changed)


def test_a_changed_file_is_recorded_and_changed_params_are_not(project: Path) -> None:
    Path("train.py").write_text(TRAIN + "\n")
    assert promoted()[1].git.changed_files == ["project/train.py"]


def test_a_pipeline_that_fails_in_the_clone_says_so(project: Path) -> None:
    bundle, manifest = promoted()
    broken = manifest.model_copy(update={"params": {"gate": {"champion": "none"}}})
    with pytest.raises(RewardGateError, match="dvc repro --force gate: failed in the clean clone"):
        rederive(bundle, broken)
    assert read_json(bundle / "reports/verdict.json") == {"champion": None}
