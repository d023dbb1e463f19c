"""The canonical table: one row a response, the rows of a ranking one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
        try:
            with pq.ParquetFile(self.path) as file:
                held = file.schema_arrow.empty_table()
                if self.columns is not None:
                    held = held.select(self.columns)
                for group in range(file.num_row_groups):
                    held = pa.concat_tables([held, file.read_row_group(group, self.columns)])
                    if group + 1 < file.num_row_groups and (whole := _whole_rankings(held)):
                        yield held.slice(0, whole).to_pandas()
                        held = held.slice(whole)
                yield held.to_pandas()
        except FileNotFoundError:
            raise RewardGateError(
                f"{self.path}: no such file; run the stage that writes it"
            ) from None
        except pa.ArrowInvalid as error:
            raise RewardGateError(f"{self.path}: not a readable Parquet file ({error})") from None


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
