"""Group-bys and joins over more rows than fit in memory: a DuckDB database that spills to disk."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

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
