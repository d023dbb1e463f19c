"""Records of a ranking file, one at a time, with the line or row each came from."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rewardgate.errors import RewardGateError

COMPRESSION = {".jsonl": None, ".jsonl.gz": "gzip", ".jsonl.zst": "zstd"}
PARQUET = ".parquet"
EXTENSIONS = (*COMPRESSION, PARQUET)


@dataclass(frozen=True)
class Row:
    """One record; `line` is the line of a JSONL file or the row of a Parquet file, from 1."""

    line: int
    value: dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """A line or row that cannot be used, and why."""

    line: int
    reason: str


def extension_of(path: Path) -> str | None:
    """The ending among `EXTENSIONS` that the file name has, or None."""
    name = path.name.lower()
    return next((ending for ending in EXTENSIONS if name.endswith(ending)), None)


def read_rows(path: Path) -> Iterator[Row | Fault]:
    """Yield the records of a JSONL (plain, .gz, .zst) or Parquet file in order.

    A line that is not a JSON object is yielded as a Fault; blank lines hold no record.

    Raises RewardGateError if the file is missing, has another ending, is empty, or is not what
    its ending says (damaged compression, not Parquet).
    """
    ending = extension_of(path)
    if not path.exists():
        raise RewardGateError(f"{path}: no such file; mend ingest.inputs")
    if ending is None:
        endings = ", ".join(EXTENSIONS)
        raise RewardGateError(f"{path}: unknown file ending; ranking files end in {endings}")
    rows = _parquet_rows(path) if ending == PARQUET else _json_rows(path, COMPRESSION[ending])
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        raise RewardGateError(f"{path}: line 1: the file is empty; remove it or give it rankings")


def _json_rows(path: Path, compression: str | None) -> Iterator[Row | Fault]:
    line = 0
    try:
        with pa.input_stream(str(path), compression=compression) as stream:
            for line, content in enumerate(io.BufferedReader(stream), start=1):
                if content.strip():
                    yield _json_row(line, content.rstrip())
    except OSError as error:
        fault = " ".join(str(error).split())
        raise RewardGateError(
            f"{path}: line {line + 1}: cannot be read ({fault}); fetch or compress it again"
        ) from None


def _json_row(line: int, content: bytes) -> Row | Fault:
    try:
        value = json.loads(content.decode("utf-8-sig" if line == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return Fault(line, f"not UTF-8 (byte {error.start + 1})")
    except json.JSONDecodeError as error:
        return Fault(line, f"not JSON ({error.msg} at column {error.colno})")
    except (ValueError, RecursionError):
        return Fault(line, "not JSON that can be read (a number too long or nesting too deep)")
    if not isinstance(value, dict):
        return Fault(line, f"not a JSON object but {_kind(value)}")
    return Row(line, value)


def _kind(value: Any) -> str:
    kinds = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _parquet_rows(path: Path) -> Iterator[Row | Fault]:
    row = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                for value in batch.to_pylist():
                    row += 1
                    yield Row(row, value)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        fault = " ".join(str(error).split())
        raise RewardGateError(
            f"{path}: row {row + 1}: not readable as Parquet ({fault}); write it again"
        ) from None
