"""`rewardgate list`, `show`, `diff`, `rollback` and `promote` as a user runs them."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judged_project import judge, make_judged_project
from project import ROOT

from rewardgate.bundle import load_promoted
from rewardgate.cli import main
from rewardgate.errors import BAD_INPUT, BLOCKED, RewardGateError
from rewardgate.files import sha256_folder, write_json
from rewardgate.history import HISTORY, read_history
from rewardgate.manifest import read_manifest
from rewardgate.params import change_params
from rewardgate.promotion import current_version, require_intact
from rewardgate.registry import promotion_lock
from stages import champion
from stages import promote as stage

Rewardgate = Callable[..., tuple[int, str]]
PROMOTED = Path("models/promoted")


@pytest.fixture
def rewardgate(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Rewardgate:
    """The command; gives its exit code and what it prints."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["rewardgate", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as exited:
            main()
        return int(exited.value.code or 0), "".join(capfd.readouterr())

    return run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two promoted versions; the second was judged by another threshold."""
    monkeypatch.chdir(make_judged_project(tmp_path / "project"))
    assert stage.main() == 0
    judge_by(0.7)
    assert stage.main() == 0
    return tmp_path / "project"


def judge_by(threshold: float, **changes: Any) -> None:
    for item in ("accuracy", "mean_margin"):
        change_params("params.yaml", [f"gate.checks.{item}.threshold={threshold}"])
    judge(Path.cwd())


def versions() -> tuple[str, str]:
    return tuple((PROMOTED / alias).resolve().name for alias in ("previous", "current"))


def test_list_show_and_diff_tell_the_versions_apart(project: Path, rewardgate: Rewardgate) -> None:
    first, second = versions()
    code, listed = rewardgate("list")
    assert code == 0
    rows = [line for line in listed.splitlines() if "0.8000" in line]
    assert [row.split()[0] for row in rows] == [first, second]
    assert rows[0].rstrip().endswith("previous")
    assert rows[1].rstrip().endswith("current")
    code, shown = rewardgate("show", second[:6])
    assert code == 0
    assert f"promote {second} by " in shown
    code, differ = rewardgate("diff")
    assert code == 0
    rows = [line.split() for line in differ.splitlines() if "threshold" in line]
    assert ["params", "gate.checks.accuracy.threshold", "0.6500", "0.7000"] in rows
    assert len(rows) == 2
    assert "do not differ" in rewardgate("diff", "current", "champion")[1]


def test_a_rollback_is_whole_and_stays_in_the_history(
    project: Path, rewardgate: Rewardgate
) -> None:
    first, second = versions()
    assert rewardgate("rollback")[1] == (
        "rewardgate: rollback: say why with --reason; it stays in the history\n"
    )
    code, told = rewardgate("rollback", "--reason", "it grew long")
    assert (code, told) == (0, f"current: {first}, in the place of {second}\n")
    assert versions() == (second, first)
    last = read_history(PROMOTED)[-1]
    assert (last.action, last.version, last.before) == ("rollback", first, second)
    assert last.reason == "it grew long"
    assert rewardgate("rollback", first, "--reason", "again")[0] == BAD_INPUT
    assert rewardgate("rollback", "--reason", "no, it was right")[0] == 0
    assert versions() == (first, second)
    assert rewardgate("verify")[0] == 0


def test_an_altered_version_is_not_rolled_back_to(project: Path, rewardgate: Rewardgate) -> None:
    first, second = versions()
    (PROMOTED / first / "model.safetensors").write_bytes(b"other")
    code, told = rewardgate("rollback", "--reason", "why not")
    assert code == BAD_INPUT
    assert "model.safetensors: altered" in told
    assert versions() == (first, second)
    assert len(read_history(PROMOTED)) == 2


@pytest.mark.parametrize(
    ("version", "told"),
    [("", "more than one version; promoted are "), ("xyz", "no such version; promoted are ")],
)
def test_a_version_that_is_none_is_told(
    project: Path, rewardgate: Rewardgate, version: str, told: str
) -> None:
    code, printed = rewardgate("show", version)
    assert code == BAD_INPUT
    assert told + ", ".join(versions()) in printed


def test_an_override_needs_a_name_and_a_reason_and_is_never_forgotten(
    project: Path, rewardgate: Rewardgate
) -> None:
    _, before = versions()
    judge_by(0.99)
    assert rewardgate("promote")[0] == BLOCKED
    code, told = rewardgate("promote", "--override", "--by", "Ann")
    assert code == BAD_INPUT
    assert "give --by, who answers for it, and --reason" in told
    assert versions()[1] == before
    given = ("--override", "--by", "Ann", "--reason", "a demo on Friday")
    code, told = rewardgate("promote", *given)
    assert code == 0
    assert "against the gate's verdict, by Ann" in told
    folder, manifest = current_version(PROMOTED)
    assert require_intact(folder, None) == manifest
    assert (manifest.verdict, manifest.override.by) == ("blocked", "Ann")
    assert read_history(PROMOTED)[-1].action == "override"
    code, told = rewardgate("verify")
    assert code == 0
    assert "blocked; promoted all the same by Ann: a demo on Friday" in told
    assert "promoted by Ann: a demo on Friday" in rewardgate("show")[1]
    judge_by(0.65)
    assert rewardgate("promote", *given)[1].endswith("leave --override out\n")
    assert rewardgate("promote")[0] == 0
    champion.main()
    assert json.loads(Path("models/overrides.json").read_text()) == [
        {"version": folder.name, "by": "Ann", "reason": "a demo on Friday"}
    ]


def test_a_blocked_verdict_without_its_override_is_not_loaded(
    project: Path, rewardgate: Rewardgate
) -> None:
    judge_by(0.99)
    rewardgate("promote", "--override", "--by", "Ann", "--reason", "a demo")
    folder, manifest = current_version(PROMOTED)
    bare = manifest.model_copy(update={"override": None})
    (folder / "manifest.json").write_text(bare.text())
    os.rename(folder, folder.with_name(bare.version()))
    assert read_manifest(folder.with_name(bare.version())).override is None
    with pytest.raises(RewardGateError, match="its verdict is blocked; promote another"):
        load_promoted(folder.with_name(bare.version()))


def test_a_promotion_that_was_killed_before_its_line_is_found(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    judge_by(0.6)
    with monkeypatch.context() as patched:
        patched.setattr("rewardgate.registry.append", killed)
        with pytest.raises(KeyboardInterrupt):
            stage.main()
    _, third = versions()
    assert third != read_history(PROMOTED)[-1].version
    assert stage.main() == 0
    assert [(e.action, e.version) for e in read_history(PROMOTED)[2:]] == [("found", third)]


def test_an_override_that_was_killed_before_its_line_stays_known(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    judge_by(0.99)
    with monkeypatch.context() as patched:
        patched.setattr("rewardgate.registry.append", killed)
        with pytest.raises(KeyboardInterrupt):
            stage.main(["--override", "--by", "Ann", "--reason", "a demo"])
    _, third = versions()
    left = PROMOTED / ".0123456789ab.4194305.tmp"  # above the largest process id
    left.mkdir()
    judge_by(0.6)
    assert stage.main() == 0
    assert not left.exists()
    entry = read_history(PROMOTED)[2]
    assert (entry.action, entry.version, entry.by, entry.reason) == (
        "override", third, "Ann", "a demo",
    )  # fmt: skip


def test_a_version_of_a_newer_rewardgate_is_told_as_such(project: Path) -> None:
    folder, manifest = current_version(PROMOTED)
    newer = json.dumps({**manifest.model_dump(exclude={"override"}), "hardware": "x"})
    (folder / "manifest.json").write_text(newer)
    with pytest.raises(RewardGateError, match=r"manifest\.json: altered, it is no manifest"):
        load_promoted(PROMOTED)
    target = folder.with_name(hashlib.sha256(newer.encode()).hexdigest()[:12])
    os.rename(folder, target)
    with pytest.raises(RewardGateError, match=r"newer rewardgate \(hardware is unknown\); update"):
        load_promoted(target)


def test_a_broken_history_stops_a_promotion_and_changes_nothing(project: Path) -> None:
    history = PROMOTED / HISTORY
    history.write_text(history.read_text().replace('"promote"', '"rollback"', 1))
    before = (versions(), sha256_folder(PROMOTED))
    judge_by(0.6)
    with pytest.raises(RewardGateError, match=r"history\.jsonl: line 1: altered"):
        stage.main()
    with pytest.raises(RewardGateError, match=r"history\.jsonl: line 1: altered"):
        champion.main()
    assert (versions(), sha256_folder(PROMOTED)) == before


PROMOTE = """
import sys
from pathlib import Path
from rewardgate.files import read_json
from rewardgate.manifest import Manifest, bundle_files
from rewardgate.registry import promote
folder, number = Path("models/promoted/current").resolve(), sys.argv[1]
manifest = Manifest.model_validate(read_json("manifest.json"))
manifest = manifest.model_copy(update={"environment": {"number": number}})
files = {name: folder / name for name in manifest.files}
promote(files, manifest, Path("models/promoted"), None)
"""


def test_promotions_at_once_wait_for_each_other(project: Path) -> None:
    manifest = current_version(PROMOTED)[1]
    write_json("manifest.json", manifest.model_dump())
    commands = [[sys.executable, "-c", PROMOTE, str(number)] for number in range(4)]
    running = [subprocess.Popen(command) for command in commands]
    assert [one.wait() for one in running] == [0] * 4
    entries = read_history(PROMOTED)
    assert len({entry.version for entry in entries}) == 6
    assert [entry.before for entry in entries[1:]] == [entry.version for entry in entries[:-1]]
    assert versions() == (entries[-2].version, entries[-1].version)


def test_a_lock_that_is_held_is_told(project: Path) -> None:
    with (
        promotion_lock(PROMOTED),
        pytest.raises(RewardGateError, match=r"\.lock: another promotion has held it for 0\.1 s"),
        promotion_lock(PROMOTED, 0.1),
    ):
        pass
