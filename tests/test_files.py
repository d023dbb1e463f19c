import os
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from safetensors import SafetensorError

from rewardgate.errors import BAD_INPUT, RewardGateError, run_or_explain
from rewardgate.files import (
    atomic_folder,
    atomic_path,
    read_json,
    read_table,
    sha256_folder,
    sha256_json,
    write_json,
    write_jsonl_gz,
    write_table,
)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_text("old")
    with pytest.raises(RuntimeError), atomic_folder(folder) as temporary:
        (temporary / "weights").write_text("half")
        raise RuntimeError
    assert (folder / "weights").read_text() == "old"
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
def test_a_full_disk_is_one_line_and_nothing_is_half_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"

    def main() -> None:
        with atomic_path(path) as temporary:
            temporary.symlink_to("/dev/full")
            temporary.write_text("x" * 100_000)

    assert run_or_explain(main) == BAD_INPUT
    assert capsys.readouterr().err == (
        f"rewardgate: {path}: No space left on device; free some and run it again\n"
    )
    assert os.listdir(tmp_path) == []


def test_tables_and_archives_have_the_same_bytes_twice(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", "ü"], "rank": [1, 2]})
    for name in ("one", "two"):
        write_table(tmp_path / f"{name}.parquet", frame)
        write_jsonl_gz(tmp_path / f"{name}.jsonl.gz", [{"text": "ü"}])
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
    assert read_table(tmp_path / "one.parquet").equals(frame)


def test_json_is_readable_and_refuses_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": "ü"})
    assert read_json(tmp_path / "a.json") == {"b": 1, "a": "ü"}
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", {"b": float("nan")})
    assert read_json(tmp_path / "a.json") == {"b": 1, "a": "ü"}


@pytest.mark.parametrize(("content", "message"), [(None, "no such file"), ("{", "not JSON")])
def test_unreadable_json_is_explained(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RewardGateError, match=message):
        read_json(path)


def test_a_truncated_table_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_table(path, pd.DataFrame({"a": [1]}))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(RewardGateError, match=r"a\.parquet: not a readable Parquet file"):
        read_table(path)


def test_hashes_see_content_and_names_but_not_key_order(tmp_path: Path) -> None:
    assert sha256_json({"a": 1, "b": 2}) == sha256_json({"b": 2, "a": 1})
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "x").write_text("1")
    before = sha256_folder(tmp_path)
    (tmp_path / "one" / "x").rename(tmp_path / "one" / "y")
    assert sha256_folder(tmp_path) != before
    assert sha256_folder(tmp_path, without=("y",)) == sha256_json({})


def test_what_killed_writers_left_goes_with_the_next_write(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / f".a.json.{ended.pid}.tmp").write_text("half")
    (tmp_path / f".model.{ended.pid}.tmp").mkdir()
    (tmp_path / f".a.json.{os.getppid()}.tmp").write_text("of one that still writes")
    (tmp_path / f".b.json.{ended.pid}.tmp").write_text("of another file")
    write_json(tmp_path / "a.json", {})
    with atomic_folder(tmp_path / "model"):
        pass
    assert sorted(os.listdir(tmp_path)) == [
        f".a.json.{os.getppid()}.tmp", f".b.json.{ended.pid}.tmp", "a.json", "model",
    ]  # fmt: skip


def test_weights_on_a_full_disk_are_told_as_any_file(tmp_path: Path) -> None:
    full = SafetensorError('I/O error: Os { code: 28, message: "No space left on device" }')
    with pytest.raises(OSError, match="No space left") as caught, atomic_folder(tmp_path / "m"):
        raise full
    assert (caught.value.errno, caught.value.filename) == (28, str(tmp_path / "m"))
    with pytest.raises(SafetensorError), atomic_folder(tmp_path / "m"):
        raise SafetensorError("another fault")
