"""DVC's own files after a kill or a full disk: mended, or one line that says how."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest
import yaml
from project import Project

from flows.mend import mend
from rewardgate.errors import RewardGateError

STAGES = {
    "one": {"cmd": "mkdir folder && echo hello > folder/a && echo b > file",
            "outs": ["folder", "file"]},
    "two": {"cmd": "cat folder/a file > both", "deps": ["folder", "file"], "outs": ["both"]},
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two stages that ran, entered."""
    project = Project(tmp_path)
    monkeypatch.chdir(tmp_path)
    project.run("git", "init", "-q")
    project.run("dvc", "init", "-q")
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    assert project.run("dvc", "repro").returncode == 0
    return project


def cached(path: Path) -> Path:
    """The file of the cache that has the content of `path`."""
    oid = hashlib.md5(path.read_bytes()).hexdigest()
    return Path(f".dvc/cache/files/md5/{oid[:2]}/{oid[2:]}")


def overwrite(path: Path, content: bytes) -> None:
    """As a failing disk does: the file stays read-only."""
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def test_a_sound_project_needs_no_mending(project: Project) -> None:
    before = project.lock()
    assert mend() == []
    assert (
        "are up to date" in project.run("dvc", "repro").stdout + project.run("dvc", "status").stdout
    )
    assert project.lock() == before


def test_a_list_of_locks_that_was_cut_off_is_removed(project: Project) -> None:
    Path(".dvc/tmp/rwlock").write_text("")
    assert "JSON structure is corrupted" in project.run("dvc", "repro").stderr
    assert mend() == [".dvc/tmp/rwlock: was cut off; removed"]
    assert project.run("dvc", "repro").returncode == 0


@pytest.mark.parametrize("content", [b"", b"hellx\nb\n"])
def test_a_damaged_cache_file_is_dropped_and_made_again(project: Project, content: bytes) -> None:
    before, both = project.lock(), Path("both").read_text()
    file = cached(Path("both"))
    overwrite(file, content)
    os.remove("both")
    assert mend() == [f"{file}: damaged; removed, and made again where needed"]
    assert project.run("dvc", "repro").returncode == 0
    assert (project.lock(), Path("both").read_text()) == (before, both)
    assert mend() == []


def test_without_mending_dvc_takes_a_damaged_file_for_the_result(project: Project) -> None:
    """Why `mend` is there: if this fails, DVC has learnt to look, and it may go."""
    overwrite(cached(Path("both")), b"hellx\nb\n")
    os.remove("both")
    assert project.run("dvc", "repro").returncode == 0
    assert Path("both").read_text() == "hellx\nb\n"


def test_a_damaged_list_of_a_folder_is_dropped_and_made_again(project: Project) -> None:
    before = project.lock()
    oid = yaml.safe_load(before)["stages"]["one"]["outs"][0]["md5"]
    overwrite(Path(f".dvc/cache/files/md5/{oid[:2]}/{oid[2:]}"), b"[{")
    shutil.rmtree("folder")
    assert len(mend()) == 1
    assert project.run("dvc", "repro").returncode == 0
    assert (project.lock(), Path("folder/a").read_text()) == (before, "hello\n")


def test_a_lock_file_that_was_cut_off_is_told_and_costs_nothing(project: Project) -> None:
    before = project.lock()
    Path("dvc.lock").write_text(before[:6])
    with pytest.raises(RewardGateError, match=r"dvc\.lock: cut off or altered; `git checkout"):
        mend()
    Path("dvc.lock").write_text("")
    assert mend() == ["dvc.lock: was cut off and is empty; removed, and made again from the cache"]
    assert not Path("dvc.lock").exists()
    assert mend() == []
    told = project.run("dvc", "repro").stdout
    assert "Stage 'two' is cached - skipping run" in told
    assert project.lock() == before
