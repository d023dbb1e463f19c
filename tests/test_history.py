"""The history's chain: what was written stays, and the first bad line is named."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.errors import RewardGateError
from rewardgate.history import HISTORY, START, append, overrides, read_history


@pytest.fixture
def promoted(tmp_path: Path) -> Path:
    append(tmp_path, "promote", "aaa", None, "ann")
    append(tmp_path, "override", "bbb", "aaa", "bob", "demo")
    append(tmp_path, "rollback", "aaa", "bbb", "ann", "it grew long")
    return tmp_path


def test_entries_are_read_as_they_were_written(promoted: Path) -> None:
    entries = read_history(promoted)
    assert [(e.number, e.action, e.version, e.before, e.by, e.reason) for e in entries] == [
        (1, "promote", "aaa", None, "ann", None),
        (2, "override", "bbb", "aaa", "bob", "demo"),
        (3, "rollback", "aaa", "bbb", "ann", "it grew long"),
    ]
    assert entries[0].previous_hash == START
    assert [e.previous_hash for e in entries[1:]] == [e.hash for e in entries[:-1]]
    assert overrides(entries) == [{"version": "bbb", "by": "bob", "reason": "demo"}]
    assert read_history(promoted / "none") == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: [lines[0], lines[1].replace("demo", "trial"), lines[2]], "line 2: altered"),
        (lambda lines: [lines[0], lines[2]], "line 2: it does not follow"),
        (lambda lines: lines[1:], "line 1: it does not follow"),
        (lambda lines: [*lines, lines[0]], "line 4: it does not follow"),
        (lambda lines: [lines[0], "{}", lines[2]], "line 2: no entry"),
        (lambda lines: [lines[0], "what?", lines[2]], "line 2: no entry"),
        (
            lambda lines: [json.dumps({**json.loads(lines[0]), "schema_version": 2})],
            "line 1: written by a newer rewardgate; update this one",
        ),
    ],
)
def test_the_first_bad_line_is_named(promoted: Path, change, told: str) -> None:
    path = promoted / HISTORY
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line}\n" for line in change(lines)))
    before = path.read_bytes()
    for act in (read_history, lambda p: append(p, "promote", "ccc", "aaa", "ann")):
        with pytest.raises(RewardGateError, match=told):
            act(promoted)
    assert path.read_bytes() == before


@given(st.data())
def test_any_changed_character_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    promoted = tmp_path_factory.mktemp("history")
    append(promoted, "promote", "aaa", None, "ann", "first")
    append(promoted, "promote", "bbb", "aaa", "ann", "second")
    path = promoted / HISTORY
    text = path.read_text()
    place = data.draw(st.integers(0, len(text) - 2))
    other = data.draw(st.characters(min_codepoint=32, max_codepoint=126))
    changed = f"{text[:place]}{other}{text[place + 1 :]}"
    path.write_text(changed)
    if json_of(changed) == json_of(text):
        return
    with pytest.raises(RewardGateError, match=r"line [12]: "):
        read_history(promoted)


def json_of(text: str) -> list[object] | str:
    try:
        return [json.loads(line) for line in text.splitlines()]
    except ValueError:
        return text


def test_a_line_that_was_cut_off_is_written_over(promoted: Path) -> None:
    path = promoted / HISTORY
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"number": 4, "ti')
    assert len(read_history(promoted)) == 3
    append(promoted, "promote", "ccc", "aaa", "ann")
    assert path.read_bytes().startswith(whole)
    assert [e.version for e in read_history(promoted)] == ["aaa", "bbb", "aaa", "ccc"]


def test_a_clock_that_went_back_is_told(tmp_path: Path) -> None:
    append(tmp_path, "promote", "aaa", None, "ann", now=datetime(2030, 1, 2, tzinfo=UTC))
    with pytest.raises(RewardGateError, match=r"the clock says 2030-01-01T.*set the clock right"):
        append(tmp_path, "promote", "bbb", "aaa", "ann", now=datetime(2030, 1, 1, tzinfo=UTC))
    assert len(read_history(tmp_path)) == 1


def test_two_champions_after_a_merge_are_told_with_the_way_out(tmp_path: Path) -> None:
    """Two people promoted on branches that were merged line by line; both lines stay."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]

    def run(*arguments: str) -> None:
        subprocess.run([*git, *arguments], check=True, capture_output=True)

    run("init", "-q", "-b", "main")
    (tmp_path / ".gitattributes").write_text(f"{HISTORY} merge=union\n")
    append(tmp_path, "promote", "aaa", None, "ann")
    run("add", "-A")
    run("commit", "-qm", "first")
    for branch, version in (("ann", "bbb"), ("bob", "ccc")):
        run("checkout", "-qb", branch, "main")
        append(tmp_path, "promote", version, "aaa", branch)
        run("commit", "-qam", version)
    run("merge", "-q", "ann")
    assert len((tmp_path / HISTORY).read_text().splitlines()) == 3
    told = r"history\.jsonl: line 3: .*merged in; restore the file from a copy; or, .* rename it"
    for act in (read_history, lambda p: append(p, "promote", "ddd", "ccc", "ann")):
        with pytest.raises(RewardGateError, match=told):
            act(tmp_path)
    (tmp_path / HISTORY).rename(tmp_path / "history-merged.jsonl")
    assert append(tmp_path, "promote", "ddd", "ccc", "ann").number == 1
