"""A small, seeded part of `python -m benchmarks.crashes`: kills and a full disk."""

import os
import subprocess
from pathlib import Path

import pytest
from judged_project import judge, make_judged_project
from project import make_project
from scoring_project import save_fresh

from benchmarks.crashes.faults import fill, small_disk, told
from benchmarks.crashes.kills import ALL, RUNNER, STAGE, killed_again_and_again
from benchmarks.crashes.project import Project, undisturbed
from benchmarks.crashes.promotions import killed_at_each_operation, killed_at_random
from benchmarks.crashes.watch import Watch
from rewardgate.files import read_json, sha256_folder, write_json
from rewardgate.params import change_params
from stages import promote

BY_DVC = ("python", "-m", "dvc", "repro", "ingest")


def judged(path: Path, base: Path, threshold: float) -> None:
    for item in ("accuracy", "mean_margin"):
        change_params(path / "params.yaml", [f"gate.checks.{item}.threshold={threshold}"])
    save_fresh(base, path / "models/candidate")
    for name in ("evaluation", "calibration"):
        report = path / f"reports/{name}.json"
        content = read_json(report)
        write_json(report, {**content, "model_sha256": sha256_folder(path / "models/candidate")})
    judge(path)


@pytest.fixture
def promoting(tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one version promoted, and a verdict that promotes another."""
    path = make_judged_project(tmp_path / "project")
    monkeypatch.chdir(path)
    judged(path, tiny_encoder, 0.65)
    assert promote.main() == 0
    judged(path, tiny_encoder, 0.7)
    return path


def test_a_promotion_killed_at_its_file_operations_leaves_a_whole_champion(promoting: Path) -> None:
    done = killed_at_each_operation(promoting, first=1, step=6)
    assert done.wrong == []
    assert done.kills >= 10
    assert done.before > 0


def test_a_promotion_killed_at_random_leaves_a_whole_champion(promoting: Path) -> None:
    done = killed_at_random(promoting, kills=6, seed=1)
    assert done.wrong == []
    assert done.kills == 6


def small_project(path: Path) -> Project:
    """The stages simulate and ingest, on few prompts; its results are those of any such project."""
    make_project(path, "simulate.prompts=20")
    return Project(path, path)


@pytest.fixture
def champion(promoting: Path) -> Path:
    return promoting / "models/promoted"


def test_stages_killed_at_random_end_with_the_same_hashes(champion: Path, tmp_path: Path) -> None:
    expected = undisturbed(small_project(tmp_path / "whole"), BY_DVC)
    project = small_project(tmp_path / "killed")
    os.symlink(champion, project.path / "models/promoted")
    plan = {"simulate": (ALL, STAGE), "ingest": (RUNNER, ALL)}
    versions = [os.readlink(champion / "current")]
    done = killed_again_and_again(project, BY_DVC, expected, plan, None, versions, seed=3)
    os.unlink(project.path / "models/promoted")
    assert sum(done.kills.values()) >= 2
    assert done.wrong == []
    assert project.leftovers() == []
    assert done.loads > 0
    assert done.faults == []


def may_mount(folder: Path) -> bool:
    try:
        with small_disk(folder):
            return True
    except (SystemExit, OSError, subprocess.SubprocessError):
        return False


def test_a_full_disk_is_told_with_the_file_and_the_next_run_is_whole(tmp_path: Path) -> None:
    if not may_mount(tmp_path / "trial"):
        pytest.skip("no right to mount a small disk")
    expected = undisturbed(small_project(tmp_path / "whole"), BY_DVC)
    with small_disk(tmp_path / "disk") as disk:
        project = small_project(disk / "project")
        fill(disk / "ballast", disk, 0)
        code, output = project.run("python", "-m", "stages.simulate")
        assert code == 2
        assert told(output).startswith("rewardgate: data/simulated")
        assert told(output).endswith(": No space left on device; free some and run it again")
        assert project.leftovers() == []
        assert project.run(*BY_DVC)[0] != 0
        (disk / "ballast").unlink()
        code, output = project.run("python", "-c", "from flows.mend import mend; print(mend())")
        assert code == 0, output
        assert project.run(*BY_DVC)[0] == 0
        assert expected.differences(project) == []


def test_the_watch_notices_a_champion_that_cannot_be_loaded(champion: Path) -> None:
    watch = Watch(champion, [os.readlink(champion / "current")])
    assert watch.check()
    weights = champion / "current/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert not watch.check()
    assert "model.safetensors: altered" in watch.faults[0]
