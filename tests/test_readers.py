"""Reading keeps line numbers, turns broken lines into faults and refuses broken files."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest
import zstandard

from rewardgate.errors import RewardGateError
from rewardgate.files import write_jsonl_gz
from rewardgate.readers import Fault, Row, read_rows

LINES = b'{"a": 1}\n\n{"a": "\xe2\x80\xa8 x"}\r\n{"a": 3}'
ROWS = [Row(1, {"a": 1}), Row(3, {"a": "\u2028 x"}), Row(4, {"a": 3})]


@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("r.jsonl", bytes),
        ("R.JSONL", bytes),
        ("r.jsonl.gz", gzip.compress),
        ("r.jsonl.zst", zstandard.compress),
    ],
)
def test_jsonl_plain_and_compressed(tmp_path: Path, name: str, compress: object) -> None:
    path = tmp_path / name
    path.write_bytes(compress(LINES))  # type: ignore[operator]
    assert list(read_rows(path)) == ROWS


def test_compressed_members_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl.zst"
    path.write_bytes(zstandard.compress(b'{"a": 1}\n') + zstandard.compress(b'{"a": 2}\n'))
    assert list(read_rows(path)) == [Row(1, {"a": 1}), Row(2, {"a": 2})]


def test_parquet_rows_count_from_one(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    pd.DataFrame({"a": [[{"b": "x"}], None]}).to_parquet(path)
    assert list(read_rows(path)) == [Row(1, {"a": [{"b": "x"}]}), Row(2, {"a": None})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": 1', "not JSON (Expecting ',' delimiter at column 8)"),
        (b"[1]", "not a JSON object but an array"),
        (b"true", "not a JSON object but true or false"),
        (b"7", "not a JSON object but a number"),
        (b'{"a": "\xff"}', "not UTF-8 (byte 8)"),
        (b"[" * 100_000, "not JSON that can be read (a number too long or nesting too deep)"),
        (b"1" * 5000, "not JSON that can be read (a number too long or nesting too deep)"),
    ],
)
def test_broken_line_is_a_fault_and_reading_goes_on(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'{"a": 1}\n' + line + b'\n{"a": 3}\n')
    assert list(read_rows(path)) == [Row(1, {"a": 1}), Fault(2, reason), Row(3, {"a": 3})]


def test_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\n')
    assert list(read_rows(path)) == [Row(1, {"a": 1})]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.jsonl", b"", "line 1: the file is empty"),
        ("r.jsonl", b"\n \n", "line 1: the file is empty"),
        ("r.jsonl.gz", gzip.compress(LINES, mtime=0)[:-4], "cannot be read (Truncated"),
        ("r.jsonl.gz", b"no gzip at all", "line 1: cannot be read"),
        ("r.jsonl.zst", zstandard.compress(LINES)[:-4], "cannot be read (Truncated"),
        ("r.parquet", b"no parquet", "row 1: not readable as Parquet"),
        ("r.csv", b"a,b", "unknown file ending"),
    ],
)
def test_broken_file_is_one_line_naming_it(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RewardGateError) as error:
        list(read_rows(path))
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RewardGateError, match=r"none\.jsonl: no such file"):
        list(read_rows(tmp_path / "none.jsonl"))


def test_written_records_read_back_and_depend_on_nothing_else(tmp_path: Path) -> None:
    records = [{"text": "é\n"}, {"text": "\u2028"}]
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        write_jsonl_gz(tmp_path / name, records)
    assert [row.value for row in read_rows(tmp_path / "one.jsonl.gz")] == records  # type: ignore[union-attr]
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
    assert json.loads(gzip.decompress((tmp_path / "one.jsonl.gz").read_bytes()).splitlines()[0])
