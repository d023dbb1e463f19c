"""One ranking file as a shard: its rows in the canonical form, its records and its faults.

A shard depends on the bytes and the name of its file and on the code that reads it, and is named
by their hash, so a file that was read before is not read again. What a record means beside other
files (is it a duplicate?) is not decided here but in `rewardgate.ingest`.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from inspect import getsource
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from rewardgate import formats, normalise, readers
from rewardgate.canonical import DEFAULT_DOMAIN, SCHEMA, UNKNOWN_ANNOTATOR
from rewardgate.errors import RewardGateError
from rewardgate.files import sha256_file, sha256_json, table_writer
from rewardgate.formats import Ranking, UnknownColumns, Unusable, derived_id, to_ranking
from rewardgate.kept import made_once
from rewardgate.normalise import text_hash
from rewardgate.readers import Fault, Row, extension_of, read_rows

ROWS = SCHEMA.append(pa.field("record", pa.int64()))
RECORDS = pa.schema(
    [
        ("record", pa.int64()),
        ("line", pa.int64()),
        ("form", pa.string()),
        ("domain", pa.string()),
        ("prompt_id", pa.string()),
        ("prompt", pa.uint64()),
        ("ranking_id", pa.string()),
        ("responses", pa.int64()),
    ]
)
"""`prompt` is a hash of the text; `record` counts the usable records of the file from 0."""

REASONS_SHOWN = 3
RECORDS_AT_ONCE = 5_000


class Shard(NamedTuple):
    """Where a shard lies; `faults` has a line {line, reason} a record that cannot be used."""

    folder: Path

    @property
    def rows(self) -> Path:
        return self.folder / "rows.parquet"

    @property
    def records(self) -> Path:
        return self.folder / "records.parquet"

    def faults(self) -> Iterator[dict[str, Any]]:
        with open(self.folder / "faults.jsonl", encoding="utf-8") as stream:
            for line in stream:
                yield json.loads(line)


def shard_of(path: Path, shards: Path) -> Shard:
    """The shard of a ranking file in the folder `shards`, made if it is not there.

    Raises RewardGateError if the file cannot be read or no record of it can be used.
    """
    code = [getsource(module) for module in (formats, normalise, readers, sys.modules[__name__])]
    name = sha256_json([path.name, sha256_file(path), *code])
    return Shard(made_once(shards / name, partial(_read, path)))


def _read(path: Path, folder: Path) -> None:
    rows: list[tuple[Any, ...]] = []
    records: list[tuple[Any, ...]] = []
    usable = 0
    faults = 0
    first_faults: list[dict[str, Any]] = []
    only_unknown_columns = True
    with (
        table_writer(folder / "rows.parquet", ROWS) as write_rows,
        table_writer(folder / "records.parquet", RECORDS) as write_records,
        open(folder / "faults.jsonl", "w", encoding="utf-8") as fault_lines,
    ):
        for row in read_rows(path):
            try:
                ranking = _ranking_of(row)
            except Unusable as error:
                only_unknown_columns &= isinstance(error, UnknownColumns)
                fault = {"line": row.line, "reason": str(error)}
                fault_lines.write(json.dumps(fault, ensure_ascii=False) + "\n")
                faults += 1
                if faults <= REASONS_SHOWN:
                    first_faults.append({"file": path.name, **fault})
                continue
            prompt_id = ranking.prompt_id or derived_id("p", ranking.prompt)
            ranking_id = _ranking_id(ranking, prompt_id)
            domain = ranking.domain or DEFAULT_DOMAIN
            records.append(
                (
                    usable, row.line, ranking.form, domain, prompt_id,
                    text_hash(ranking.prompt), ranking_id, len(ranking.responses),
                )
            )  # fmt: skip
            rows += [
                (*one, usable) for one in _rows_of(ranking, prompt_id, ranking_id, domain, path)
            ]
            usable += 1
            if len(records) == RECORDS_AT_ONCE:
                write_rows(_table(rows, ROWS))
                write_records(_table(records, RECORDS))
                rows, records = [], []
        write_rows(_table(rows, ROWS))
        write_records(_table(records, RECORDS))
    if not usable and only_unknown_columns:
        first = first_faults[0]
        raise RewardGateError(f"{path}: line {first['line']}: {first['reason']}")
    if not usable:
        raise RewardGateError(
            f"{path}: no record can be used: {shown_reasons(first_faults, faults)}"
        )


def shown_reasons(first: list[dict[str, Any]], count: int) -> str:
    """The first reasons of `count` faults, each {file, line, reason}."""
    shown = "; ".join(f"{one['file']}:{one['line']}: {one['reason']}" for one in first)
    more = count - len(first)
    return shown + (f"; and {more} more" if more > 0 else "")


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [[] for _ in schema]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _ranking_of(row: Row | Fault) -> Ranking:
    if isinstance(row, Fault):
        raise Unusable(row.reason)
    return to_ranking(row.value)


def _ranking_id(ranking: Ranking, prompt_id: str) -> str:
    """Hash of what the record says: the same for the same record in any file.

    A strength is part of it; where none is known, the hash is that of a record without the key.
    """
    said = asdict(ranking) | {"prompt_id": prompt_id, "form": None}
    said["responses"] = sorted(
        [one.response_id or "", one.text, one.rank]
        + ([] if one.strength is None else [one.strength])
        for one in ranking.responses
    )
    return derived_id("k", json.dumps(said, sort_keys=True))


def _rows_of(
    ranking: Ranking, prompt_id: str, ranking_id: str, domain: str, path: Path
) -> Iterator[tuple[Any, ...]]:
    taken: Counter[str] = Counter()
    for one in ranking.responses:
        response_id = one.response_id
        if response_id is None:
            response_id = derived_id("r", one.text)
            taken[response_id] += 1
            if taken[response_id] > 1:
                response_id = f"{response_id}-{taken[response_id]}"
        yield (
            prompt_id,
            ranking.prompt,
            domain,
            ranking.source or path.name[: -len(extension_of(path) or "")],
            ranking.annotator or UNKNOWN_ANNOTATOR,
            ranking_id,
            response_id,
            one.text,
            one.rank,
            one.strength,
        )
