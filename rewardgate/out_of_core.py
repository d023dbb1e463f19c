"""Group-bys and joins over more rows than fit in memory: a DuckDB database that spills to disk."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

MEMORY = "512MB"
THREADS = 2


@contextmanager
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to a new database in a temporary folder, which goes with it."""
    with (
        tempfile.TemporaryDirectory(prefix="rewardgate-") as folder,
        duckdb.connect(f"{folder}/tables.duckdb") as connection,
    ):
        connection.execute(f"SET memory_limit = '{MEMORY}'; SET threads = {THREADS}")
        connection.execute("SET enable_progress_bar = false")
        yield connection


def insert(connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[Any, Any]) -> None:
    """Append rows to a table; columns: (rows,) of each, by the table's names."""
    chunk = pa.table({name: pa.array(values) for name, values in columns.items()})
    connection.register("chunk", chunk)
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM chunk")
    connection.unregister("chunk")
