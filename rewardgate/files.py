"""Files that are either whole or absent, and their content hashes."""

import gzip
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rewardgate.errors import RewardGateError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` only if the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it replaces `path` if the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: str | Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write deterministic JSON: keys in the order given, NaN refused."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read JSON. Raises RewardGateError if the file is missing or not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RewardGateError(f"{path}: no such file; run the stage that writes it") from None
    except ValueError as error:
        raise RewardGateError(f"{path}: not JSON ({error}); run the stage that writes it") from None


def write_jsonl_gz(path: str | Path, records: Iterable[Any]) -> None:
    """Write one JSON value a line, gzip-compressed without name or time."""
    with (
        atomic_path(path) as temporary,
        open(temporary, "wb") as stream,
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as archive,
    ):
        for record in records:
            archive.write((json.dumps(record, ensure_ascii=False) + "\n").encode())


def write_table(path: str | Path, frame: pd.DataFrame) -> None:
    """Write a Parquet file whose bytes depend on the frame alone."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


ROWS_A_GROUP = 50_000


@contextmanager
def table_writer(path: str | Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Yield a function that appends rows to a Parquet file, which is whole or absent.

    Its bytes depend on all rows together, not on how they are dealt out to the calls; up to
    ROWS_A_GROUP rows they are those of `write_table`.
    """
    held = schema.empty_table()
    written = False
    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):

        def write(table: pa.Table) -> None:
            nonlocal held, written
            held = pa.concat_tables([held, table])
            while len(held) > ROWS_A_GROUP:
                writer.write_table(held.slice(0, ROWS_A_GROUP).combine_chunks())
                held, written = held.slice(ROWS_A_GROUP), True

        yield write
        if len(held) or not written:
            writer.write_table(held.combine_chunks())


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a Parquet file. Raises RewardGateError if it is missing or not Parquet."""
    try:
        return pq.read_table(path).to_pandas()
    except FileNotFoundError:
        raise RewardGateError(f"{path}: no such file; run the stage that writes it") from None
    except pa.ArrowInvalid as error:
        raise RewardGateError(f"{path}: not a readable Parquet file ({error})") from None


def sha256_file(path: str | Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_json(value: Any) -> str:
    """Hash of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_folder(path: str | Path, without: Sequence[str] = ()) -> str:
    """Hash of a folder: the relative path and content hash of each file in it, sorted.

    Files of the names in `without` are left out.
    """
    root = Path(path)
    files = sorted(file for file in root.rglob("*") if file.is_file() and file.name not in without)
    return sha256_json({file.relative_to(root).as_posix(): sha256_file(file) for file in files})
