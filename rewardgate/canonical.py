"""The canonical table: one row a response, the rows of a ranking one after the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rewardgate.errors import RewardGateError

TEXT_COLUMNS = [
    "prompt_id", "prompt", "domain", "source", "annotator", "ranking_id", "response_id", "text",
]  # fmt: skip
COLUMNS = [*TEXT_COLUMNS, "rank", "strength"]
SCHEMA = pa.schema(
    [(name, pa.large_string()) for name in TEXT_COLUMNS]
    + [("rank", pa.int32()), ("strength", pa.float64())]
)
DEFAULT_DOMAIN = "general"
UNKNOWN_ANNOTATOR = "unknown"


@dataclass(frozen=True)
class Chunks:
    """A Parquet file as a series of tables of whole rankings, about one row group each.

    columns: those to read; None for all
    It can be gone through again and again, which raises RewardGateError if the file is missing or
    not Parquet.
    """

    path: str | Path
    columns: tuple[str, ...] | None = None

    def __iter__(self) -> Iterator[pd.DataFrame]:
        with _opened(self.path) as file:
            held = file.schema_arrow.empty_table()
            if self.columns is not None:
                held = held.select(self.columns)
            for group in range(file.num_row_groups):
                held = pa.concat_tables([held, file.read_row_group(group, self.columns)])
                if group + 1 < file.num_row_groups and (whole := _whole_rankings(held)):
                    yield held.slice(0, whole).to_pandas()
                    held = held.slice(whole)
            yield held.to_pandas()

    def parts(self) -> list["Part"]:
        """About the same tables, each to be read by itself; the file must have `ranking_id`.

        Raises what iterating raises.
        """
        starts, row, last = [0], 0, None
        with _opened(self.path) as file:
            for group in range(file.num_row_groups - 1):
                ids = file.read_row_group(group, ["ranking_id"])
                whole = _whole_rankings(ids)
                if whole or (row and ids["ranking_id"][0] != last):
                    starts.append(row + whole)
                row, last = row + len(ids), ids["ranking_id"][-1]
            ends = [*starts[1:], file.metadata.num_rows]
        return [Part(self.path, self.columns, *rows) for rows in zip(starts, ends, strict=True)]


@dataclass(frozen=True)
class Part:
    """Rows from number `start` to before `end` of a Parquet file, not yet read."""

    path: str | Path
    columns: tuple[str, ...] | None
    start: int
    end: int

    def read(self) -> pd.DataFrame:
        """Raises RewardGateError if the file is missing or not Parquet."""
        with _opened(self.path) as file:
            return self.table(file).to_pandas()

    def table(self, file: pq.ParquetFile) -> pa.Table:
        """The rows out of the open file; of row groups without any of them nothing is read."""
        sizes = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
        ends = np.cumsum(sizes, dtype=np.int64)
        groups = np.flatnonzero((ends > self.start) & (ends - sizes < self.end)).tolist()
        row = int(ends[groups[0]]) - sizes[groups[0]] if groups else 0
        schema = file.schema_arrow
        held = [schema.empty_table().select(self.columns or schema.names)]
        for batch in file.iter_batches(row_groups=groups, columns=self.columns):
            first = max(self.start - row, 0)
            last = min(self.end - row, batch.num_rows)
            if first < last:
                held.append(pa.table(batch.slice(first, last - first)))
            row += batch.num_rows
        return pa.concat_tables(held)


@contextmanager
def _opened(path: str | Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except FileNotFoundError:
        raise RewardGateError(f"{path}: no such file; run the stage that writes it") from None
    except pa.ArrowInvalid as error:
        raise RewardGateError(f"{path}: not a readable Parquet file ({error})") from None


def _whole_rankings(table: pa.Table) -> int:
    """Rows before the last ranking, which may go on in the next row group."""
    if "ranking_id" not in table.column_names:
        return len(table)
    ids = table["ranking_id"]
    last = ids[len(ids) - 1]
    row = len(ids) - 1
    while row and ids[row - 1] == last:
        row -= 1
    return row
