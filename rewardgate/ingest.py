"""Ranking files to the canonical table, with an account of every record.

Each file is read into a shard (see `rewardgate.shards`), one record after another. Then the
records of all shards are judged beside each other by their ids and hashes, and the rows of those
that stay are copied; neither holds the texts of more than a few thousand records.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rewardgate.canonical import COLUMNS, SCHEMA
from rewardgate.engine import Row, in_order
from rewardgate.errors import RewardGateError
from rewardgate.files import atomic_path, read_table, table_writer
from rewardgate.kept import kept_folders
from rewardgate.out_of_core import database
from rewardgate.readers import extension_of
from rewardgate.shards import (
    REASONS_SHOWN,
    Shard,
    shard_of,
    shown_reasons,
)

RESPONSES, QUARANTINE = "responses.parquet", "quarantine.jsonl"
KEPT, DUPLICATE, QUARANTINED = range(3)
"""What becomes of a record that can be used by itself."""

FATES = f"""
CREATE TABLE fates AS
SELECT file, record, line, form, domain, prompt_id, ranking_id, responses, origin,
    CASE WHEN prompt <> origin_prompt THEN {QUARANTINED}
        WHEN (file, line) <> first_seen THEN {DUPLICATE} ELSE {KEPT} END AS fate
FROM records
JOIN (
    SELECT prompt_id, arg_min(prompt, (file, line)) AS origin_prompt, min((file, line)) AS origin
    FROM records GROUP BY prompt_id
) USING (prompt_id)
JOIN (
    SELECT ranking_id, min((file, line)) AS first_seen FROM records GROUP BY ranking_id
) USING (ranking_id)
ORDER BY file, record
"""


class Inputs(NamedTuple):
    """Ranking files sorted by name, and the names of what lies beside them and is not read."""

    files: list[Path]
    skipped: list[str]


@dataclass(frozen=True)
class Ingested:
    """`responses` has one row a response; `quarantine` one {file, line, reason} a bad record."""

    responses: pd.DataFrame
    quarantine: list[dict[str, Any]]
    counts: dict[str, Any]


def find_inputs(path: str | Path) -> Inputs:
    """Ranking files at `path`: one file, or a folder without its subfolders and hidden files.

    Raises RewardGateError if there is no such path or no ranking file in it.
    """
    path = Path(path)
    if not path.exists():
        raise RewardGateError(f"{path}: no such file or folder; mend ingest.inputs")
    if path.is_file():
        return Inputs([path], [])
    entries = sorted(path.iterdir(), key=lambda entry: entry.name)
    files = [
        entry
        for entry in entries
        if entry.is_file() and extension_of(entry) and not entry.name.startswith(".")
    ]
    if not files:
        raise RewardGateError(
            f"{path}: no ranking file in this folder; put .jsonl, .jsonl.gz, .jsonl.zst or "
            f".parquet files there or mend ingest.inputs"
        )
    return Inputs(files, [entry.name for entry in entries if entry not in files])


def ingest(paths: Sequence[Path], max_quarantined_share: float) -> Ingested:
    """The same as `ingest_files`, in memory, for rankings that fit there."""
    with tempfile.TemporaryDirectory(prefix="rewardgate-") as temporary:
        folder = Path(temporary)
        counts = ingest_files(paths, max_quarantined_share, folder, folder / "shards")
        lines = (folder / QUARANTINE).read_text(encoding="utf-8").splitlines()
        return Ingested(read_table(folder / RESPONSES), [json.loads(one) for one in lines], counts)


def ingest_files(
    paths: Sequence[Path], max_quarantined_share: float, folder: Path, shards: Path
) -> dict[str, Any]:
    """Read ranking files into `folder`: the canonical table and the quarantine; returns counts.

    shards: folder of the files read before; a file whose shard lies there is not read again

    Outputs name files by their bare names. Fields that a record lacks: `domain` is "general",
    `source` the file name without endings, `annotator` "unknown", `prompt_id` and `response_id`
    a hash of the stored text, `strength` null. A record equal to an earlier one (order of its
    responses, and absent fields, aside) is an exact duplicate and is dropped and counted. A
    `prompt_id` keeps the prompt it was first seen with; later records that give it another are
    quarantined.

    Raises RewardGateError if a file cannot be read, if no record of a file can be used, or if
    the share of quarantined records over all files is above `max_quarantined_share` (0 to 1).
    """
    with kept_folders(shards) as keep, database() as connection:
        read = in_order(partial(_read, shards=shards), paths)
        found = [Shard(keep(Path(one["folder"]))) for one in read]
        _judge_records(connection, found)
        names = [path.name for path in paths]
        files = [
            _file_counts(connection, number, name, found[number])
            for number, name in enumerate(names)
        ]
        for number, count in enumerate(files):
            if count["quarantined"] == count["records"]:
                first = islice(_quarantine(connection, names, found, [number]), REASONS_SHOWN)
                raise RewardGateError(
                    f"{paths[number]}: no record can be used: "
                    f"{shown_reasons(list(first), count['quarantined'])}"
                )
        everywhere = range(len(names))
        records = sum(count["records"] for count in files)
        quarantined = sum(count["quarantined"] for count in files)
        share = quarantined / records
        if share > max_quarantined_share:
            first = islice(_quarantine(connection, names, found, everywhere), REASONS_SHOWN)
            raise RewardGateError(
                f"{quarantined} of {records} records cannot be used "
                f"({share:.1%}, ingest.max_quarantined_share is {max_quarantined_share:.1%}): "
                f"{shown_reasons(list(first), quarantined)}"
            )
        with table_writer(folder / RESPONSES, SCHEMA) as write:
            for rows in _kept_rows(connection, found):
                write(rows)
        with atomic_path(folder / QUARANTINE) as path, open(path, "w", encoding="utf-8") as lines:
            for fault in _quarantine(connection, names, found, everywhere):
                lines.write(json.dumps(fault, ensure_ascii=False) + "\n")
        totals = _totals(connection)
    return {
        "records": records,
        "rankings": sum(count["rankings"] for count in files),
        "prompts": totals["prompts"],
        "responses": totals["responses"],
        "duplicates": sum(count["duplicates"] for count in files),
        "quarantined": quarantined,
        "quarantined_share": round(share, 6),
        "domains": totals["domains"],
        "files": files,
    }


def _read(path: Path, shards: Path) -> Row:
    return {"folder": str(shard_of(path, shards).folder)}


def _judge_records(connection: duckdb.DuckDBPyConnection, shards: Sequence[Shard]) -> None:
    """Make the table `fates`: the usable records of all files, and what becomes of each."""
    for number, shard in enumerate(shards):
        make = "INSERT INTO records" if number else "CREATE TABLE records AS"
        connection.execute(
            f"{make} SELECT {number} AS file, * FROM read_parquet(?)", [str(shard.records)]
        )
    connection.execute(FATES)
    connection.execute("DROP TABLE records")


def _file_counts(
    connection: duckdb.DuckDBPyConnection, number: int, name: str, shard: Shard
) -> dict[str, Any]:
    fates = dict(
        connection.execute(
            "SELECT fate, count(*) FROM fates WHERE file = ? GROUP BY fate", [number]
        ).fetchall()
    )
    forms = connection.execute(
        f"SELECT form, count(*) FROM fates WHERE file = ? AND fate = {KEPT} "
        "GROUP BY form ORDER BY form",
        [number],
    ).fetchall()
    unusable = sum(1 for _ in shard.faults())
    return {
        "file": name,
        "records": sum(fates.values()) + unusable,
        "rankings": fates.get(KEPT, 0),
        "duplicates": fates.get(DUPLICATE, 0),
        "quarantined": fates.get(QUARANTINED, 0) + unusable,
        "forms": dict(forms),
    }


def _kept_rows(
    connection: duckdb.DuckDBPyConnection, shards: Sequence[Shard]
) -> Iterator[pa.Table]:
    """The rows of the records that stay, file by file."""
    for number, shard in enumerate(shards):
        kept = connection.execute(
            f"SELECT fate = {KEPT} AS kept FROM fates WHERE file = ? ORDER BY record", [number]
        ).fetchnumpy()["kept"]
        with pq.ParquetFile(shard.rows) as file:
            for batch in file.iter_batches():
                rows = pa.Table.from_batches([batch])
                yield rows.filter(np.asarray(kept, bool)[rows["record"]]).select(COLUMNS)


def _quarantine(
    connection: duckdb.DuckDBPyConnection,
    names: Sequence[str],
    shards: Sequence[Shard],
    numbers: Iterable[int],
) -> Iterator[dict[str, Any]]:
    """{file, line, reason} of each record of these files that cannot be used, in order."""
    for number in numbers:
        others = connection.execute(
            f"SELECT line, prompt_id, origin FROM fates WHERE file = ? AND fate = {QUARANTINED} "
            "ORDER BY line",
            [number],
        ).fetchall()
        elsewhere = (
            {
                "line": line,
                "reason": f"prompt_id {prompt_id!r} has another prompt in {names[file]}:{first}",
            }
            for line, prompt_id, (file, first) in others
        )
        for fault in merge(shards[number].faults(), elsewhere, key=lambda one: one["line"]):
            yield {"file": names[number], **fault}


def _totals(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    counts = (
        "count(DISTINCT prompt_id), count(*), sum(responses)::BIGINT "
        f"FROM fates WHERE fate = {KEPT}"
    )
    domains = connection.execute(f"SELECT domain, {counts} GROUP BY domain ORDER BY domain")
    by_domain = {
        domain: {"prompts": prompts, "rankings": rankings, "responses": responses}
        for domain, prompts, rankings, responses in domains.fetchall()
    }
    (prompts, _, responses) = connection.execute(f"SELECT {counts}").fetchall()[0]
    return {"prompts": prompts, "responses": responses, "domains": by_domain}
