"""Files that are either whole or absent, and their content hashes."""

import errno
import glob
import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError

from rewardgate.errors import RewardGateError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` only if the block succeeds.

    Raises OSError that names `path` if the disk is full or cannot be written.
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        with _named(path):
            yield temporary
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it replaces `path` if the block succeeds.

    Raises OSError that names `path` if the disk is full or cannot be written.
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        with _named(path):
            temporary.mkdir()
            yield temporary
            if path.exists():
                shutil.rmtree(path)
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sweep(folder: Path, name: str = "*") -> None:
    """Remove what killed processes left of files and folders of that name that they wrote."""
    for left in folder.glob(f".{name}.*.tmp"):
        pid = left.name.split(".")[-2]
        if pid.isdecimal() and (int(pid) == os.getpid() or not _alive(int(pid))):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, glob.escape(path.name))
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name `path` in a failure to write that does not say where, as a full disk's does not."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise
    except SafetensorError as error:
        if os.strerror(errno.ENOSPC) in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


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
    """Read a Parquet file. Raises RewardGateError if it is missing, cut off or not Parquet."""
    try:
        return pq.read_table(path).to_pandas()
    except FileNotFoundError:
        raise RewardGateError(f"{path}: no such file; run the stage that writes it") from None
    except (OSError, pa.ArrowException) as error:
        fault = " ".join(str(error).split())
        raise RewardGateError(
            f"{path}: not a readable Parquet file ({fault}); run the stage that writes it"
        ) from None


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
