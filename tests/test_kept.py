"""What was done before is found again, and no process removes what another uses."""

import subprocess
import sys
from pathlib import Path

import pytest

from rewardgate.kept import kept_folders, made_once

WAITING = """
import sys
from pathlib import Path
from rewardgate.kept import kept_folders, made_once
print("waiting", flush=True)
with kept_folders(Path(sys.argv[1])) as keep:
    make = lambda folder: (folder / "file").write_text("theirs")
    keep(made_once(Path(sys.argv[1]) / "theirs", make))
"""


def fill(folder: Path) -> None:
    (folder / "file").write_text("made")


def never(folder: Path) -> None:
    raise AssertionError


def names(parent: Path) -> set[str]:
    return {entry.name for entry in parent.iterdir() if entry.is_dir()}


def test_a_folder_is_made_once_and_goes_when_it_is_not_asked_for(tmp_path: Path) -> None:
    parent = tmp_path / "kept"
    with kept_folders(parent) as keep:
        keep(made_once(parent / "a", fill))
        keep(made_once(parent / "b", fill))
    with kept_folders(parent) as keep:
        assert (keep(made_once(parent / "a", never)) / "file").read_text() == "made"
    assert names(parent) == {"a"}


def test_a_failure_removes_nothing_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    with kept_folders(tmp_path) as keep:
        keep(made_once(tmp_path / "a", fill))
    with pytest.raises(AssertionError), kept_folders(tmp_path) as keep:
        keep(made_once(tmp_path / "b", fill))
        made_once(tmp_path / "c", never)
    assert names(tmp_path) == {"a", "b"}


def test_another_process_waits_until_the_block_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WAITING, str(tmp_path)]
    with kept_folders(tmp_path) as keep:
        other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "waiting\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(1)
        keep(made_once(tmp_path / "ours", fill))
        assert names(tmp_path) == {"ours"}
    other.communicate()
    assert other.returncode == 0
    assert names(tmp_path) == {"theirs"}
