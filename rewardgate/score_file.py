"""A Parquet file of responses, scored into another Parquet file in bounded memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from tqdm import tqdm

from rewardgate.bundle import Promoted, load_promoted
from rewardgate.canonical import Part
from rewardgate.engine import VARIABLE, Row, in_order, on_ray
from rewardgate.errors import RewardGateError
from rewardgate.files import atomic_path
from rewardgate.processes import processes
from rewardgate.rewards import NO_REFERENCES
from rewardgate.scoring import WINDOW

ADDED = ("score", "normalised", "reward")
REFERENCE = "reference"
WINDOWS_A_TASK = 4
"""Of a node: what is scored again if it is lost."""

RESPONSE = ("text", "response")
"""Columns that may hold the response; the first that is there does."""

READING = {"pre_buffer": False, "buffer_size": 1 << 20}
"""Read a column piece by piece; by default Arrow holds a whole row group, however large."""


def score_file(bundle: Promoted, source: Path, target: Path) -> int:
    """Write `source` to `target` with the columns of `ADDED` appended; returns the rows.

    source: Parquet with `prompt` and `text` (the canonical table) or `response`, none null
    A column `reference`, if there is one, is what the rules compare with; without it, the rules
    that need one do not apply. All columns are kept. One window of rows is held at a time, and
    `target` is written whole or not at all. Under `accelerate launch` every process calls this and
    the main one writes; with Ray as the engine, its nodes score and this process writes.
    Raises RewardGateError if `source` is not such a file or `target` cannot be written.
    """
    schema, texts = _checked_schema(source)
    if target.is_dir() or (target.exists() and source.samefile(target)):
        what = "a folder" if target.is_dir() else "the input"
        raise RewardGateError(f"{target}: is {what}; name another file for the output")
    rows = _count_texts(source, texts)
    scored = _scored(bundle, source, texts, schema, rows)
    if not processes().is_main_process:
        return sum(batch.num_rows for batch in scored)
    with (
        atomic_path(target) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for batch in scored:
            writer.write_batch(batch)
    return rows


def _checked_schema(source: Path) -> tuple[pa.Schema, list[str]]:
    """The schema of the output, and the columns that hold prompts and responses."""
    if not source.is_file():
        raise RewardGateError(f"{source}: no such file; name a Parquet file of responses")
    with _explained(source):
        schema = pq.read_schema(source)
    columns = ", ".join(schema.names) or "none"
    response = next((name for name in RESPONSE if name in schema.names), None)
    if "prompt" not in schema.names or response is None:
        raise RewardGateError(
            f"{source}: needs a column prompt and one of {' or '.join(RESPONSE)}; "
            f"found {columns}; rename or add what is missing"
        )
    for name in ("prompt", response):
        if not _holds_text(kind := schema.field(name).type):
            raise RewardGateError(f"{source}: column {name} holds {kind}; it must hold strings")
    if taken := [name for name in ADDED if name in schema.names]:
        raise RewardGateError(
            f"{source}: has a column {taken[0]} already; rename or drop it, scoring adds its own"
        )
    for name in ADDED:
        schema = schema.append(pa.field(name, pa.float64()))
    return schema, ["prompt", response]


def _holds_text(kind: pa.DataType) -> bool:
    """Whether a column is of strings; one of nulls alone, as an empty table has, counts too."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return kind in (pa.string(), pa.large_string(), pa.string_view(), pa.null())


def _count_texts(source: Path, columns: Sequence[str]) -> int:
    """Rows of `source`, read through once, so that a fault shows before the long work begins."""
    rows = 0
    for batch in _batches(source, columns):
        for name in columns:
            null = pc.index(batch.column(name).is_null(), True).as_py()
            if null >= 0:
                raise RewardGateError(
                    f"{source}: row {rows + null + 1}: {name} is null; give it a text or drop the "
                    "row"
                )
        rows += batch.num_rows
    return rows


def _scored(
    bundle: Promoted, source: Path, texts: Sequence[str], schema: pa.Schema, rows: int
) -> Iterator[pa.RecordBatch]:
    main = processes().is_main_process
    by_ray = _added_by_ray(bundle, source, texts, rows) if on_ray() else None
    with tqdm(total=rows, desc=source.name, unit="rows", disable=None if main else True) as bar:
        for batch in _batches(source):
            added = next(by_ray) if by_ray else _added(bundle, batch, texts)
            yield pa.record_batch([*batch.columns, *added], schema=schema)
            bar.update(batch.num_rows)


def _added(
    bundle: Promoted, batch: pa.RecordBatch | pa.Table, texts: Sequence[str]
) -> list[pa.Array]:
    """The columns of `ADDED` for one window."""
    prompts, responses = (batch.column(name).to_pylist() for name in texts)
    references = (
        batch.column(REFERENCE).to_pylist()
        if REFERENCE in batch.schema.names
        else [NO_REFERENCES] * len(responses)
    )
    rewards = bundle.rewards(prompts, responses, references)
    return [pa.array([row[name] for row in rewards], pa.float64()) for name in ADDED]


def _added_by_ray(
    bundle: Promoted, source: Path, texts: Sequence[str], rows: int
) -> Iterator[list[pa.Array]]:
    """What `_added` gives for each window, from the nodes.

    How a model rounds depends on the threads that share its work: on a node as many as here.
    """
    if processes().num_processes > 1:
        raise RewardGateError(
            f"{VARIABLE}: Ray and accelerate launch would both share out the rows; use one of them"
        )
    threads = torch.get_num_threads()
    using = (bundle.folder, bundle.promoted, source, texts, WINDOW, threads)
    starts = range(0, rows, WINDOW * WINDOWS_A_TASK)
    for scored in in_order(_Node, starts, *using, cpus=threads, gpu=True):
        for at in range(0, len(scored[ADDED[0]]), WINDOW):
            yield [pa.array(scored[name][at : at + WINDOW], pa.float64()) for name in ADDED]


class _Node:
    """Scores the windows of a task, with a bundle that is loaded once."""

    def __init__(
        self,
        bundle: Path,
        promoted: bool,
        source: Path,
        texts: Sequence[str],
        window: int,
        threads: int,
    ) -> None:
        self._bundle = load_promoted(bundle, allow_unpromoted=not promoted)
        self._source, self._texts = source, texts
        self._window, self._threads = window, threads

    def __call__(self, start: int) -> Row:
        torch.set_num_threads(self._threads)
        with _explained(self._source), pq.ParquetFile(self._source, **READING) as file:
            columns = [*self._texts, *({REFERENCE} & set(file.schema_arrow.names))]
            end = start + self._window * WINDOWS_A_TASK
            rows = Part(self._source, tuple(columns), start, end).table(file)
        windows = [
            _added(self._bundle, rows.slice(at, self._window), self._texts)
            for at in range(0, len(rows), self._window)
        ]
        columns_of = zip(*windows, strict=True)
        return {
            name: pa.chunked_array(parts).to_numpy()
            for name, parts in zip(ADDED, columns_of, strict=True)
        }


def _batches(source: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    size = WINDOW * processes().num_processes
    with _explained(source), pq.ParquetFile(source, **READING) as file:
        for batch in file.iter_batches(size, columns=columns):
            batch.validate(full=True)
            yield batch


@contextmanager
def _explained(source: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        fault = " ".join(str(error).split())
        raise RewardGateError(
            f"{source}: not readable as Parquet ({fault}); write it again"
        ) from None
