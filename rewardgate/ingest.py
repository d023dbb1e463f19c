"""Ranking files to the canonical table, with an account of every record."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from rewardgate.errors import RewardGateError
from rewardgate.formats import Ranking, UnknownColumns, Unusable, derived_id, to_ranking
from rewardgate.readers import Fault, Row, extension_of, read_rows

TEXT_COLUMNS = [
    "prompt_id", "prompt", "domain", "source", "annotator", "ranking_id", "response_id", "text",
]  # fmt: skip
COLUMNS = [*TEXT_COLUMNS, "rank", "strength"]
DEFAULT_DOMAIN = "general"
UNKNOWN_ANNOTATOR = "unknown"
REASONS_SHOWN = 3


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
    """Read ranking files into the canonical table.

    Outputs name files by their bare names. Fields that a record lacks: `domain` is "general",
    `source` the file name without endings, `annotator` "unknown", `prompt_id` and `response_id`
    a hash of the stored text, `strength` null. A record equal to an earlier one (order of its
    responses, and absent fields, aside) is an exact duplicate and is dropped and counted. A
    `prompt_id` keeps the prompt it was first seen with; later records that give it another are
    quarantined.

    Raises RewardGateError if a file cannot be read, if no record of a file can be used, or if
    the share of quarantined records over all files is above `max_quarantined_share` (0 to 1).
    """
    rows: list[tuple[Any, ...]] = []
    quarantine: list[dict[str, Any]] = []
    counts: list[dict[str, Any]] = []
    prompts: dict[str, tuple[str, str]] = {}
    seen: set[str] = set()
    for path in paths:
        faults: list[dict[str, Any]] = []
        count: Counter[str] = Counter()
        forms: Counter[str] = Counter()
        only_unknown_columns = True
        for row in read_rows(path):
            count["records"] += 1
            try:
                ranking = _ranking_of(row)
                only_unknown_columns = False
                prompt_id = ranking.prompt_id or derived_id("p", ranking.prompt)
                ranking_id = _ranking_id(ranking, prompt_id)
                if ranking_id in seen:
                    count["duplicates"] += 1
                    continue
                place = f"{path.name}:{row.line}"
                prompt, first_place = prompts.setdefault(prompt_id, (ranking.prompt, place))
                if prompt != ranking.prompt:
                    raise Unusable(f"prompt_id {prompt_id!r} has another prompt in {first_place}")
            except Unusable as error:
                only_unknown_columns &= isinstance(error, UnknownColumns)
                faults.append({"file": path.name, "line": row.line, "reason": str(error)})
                continue
            seen.add(ranking_id)
            forms[ranking.form] += 1
            rows.extend(_rows_of(ranking, prompt_id, ranking_id, path))
        if len(faults) == count["records"]:
            if only_unknown_columns:
                raise RewardGateError(f"{path}: line {faults[0]['line']}: {faults[0]['reason']}")
            raise RewardGateError(f"{path}: no record can be used: {_first_reasons(faults)}")
        quarantine += faults
        counts.append(
            {
                "file": path.name,
                "records": count["records"],
                "rankings": sum(forms.values()),
                "duplicates": count["duplicates"],
                "quarantined": len(faults),
                "forms": dict(sorted(forms.items())),
            }
        )
    records = sum(count["records"] for count in counts)
    share = len(quarantine) / records
    if share > max_quarantined_share:
        raise RewardGateError(
            f"{len(quarantine)} of {records} records cannot be used "
            f"({share:.1%}, ingest.max_quarantined_share is {max_quarantined_share:.1%}): "
            f"{_first_reasons(quarantine)}"
        )
    responses = _table(rows)
    return Ingested(responses, quarantine, _totals(responses, counts, records, share))


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
    ranking: Ranking, prompt_id: str, ranking_id: str, path: Path
) -> list[tuple[Any, ...]]:
    taken: Counter[str] = Counter()
    rows = []
    for one in ranking.responses:
        response_id = one.response_id
        if response_id is None:
            response_id = derived_id("r", one.text)
            taken[response_id] += 1
            if taken[response_id] > 1:
                response_id = f"{response_id}-{taken[response_id]}"
        rows.append(
            (
                prompt_id,
                ranking.prompt,
                ranking.domain or DEFAULT_DOMAIN,
                ranking.source or path.name[: -len(extension_of(path) or "")],
                ranking.annotator or UNKNOWN_ANNOTATOR,
                ranking_id,
                response_id,
                one.text,
                one.rank,
                one.strength,
            )
        )
    return rows


def _table(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype(
        dict.fromkeys(TEXT_COLUMNS, "str") | {"rank": "int32", "strength": "float64"}
    )


def _totals(
    responses: pd.DataFrame, counts: list[dict[str, Any]], records: int, share: float
) -> dict[str, Any]:
    by_domain = responses.groupby("domain", sort=True)[["prompt_id", "ranking_id", "response_id"]]
    domains = by_domain.agg(
        {"prompt_id": "nunique", "ranking_id": "nunique", "response_id": "size"}
    )
    domains.columns = pd.Index(["prompts", "rankings", "responses"])
    return {
        "records": records,
        "rankings": sum(count["rankings"] for count in counts),
        "prompts": int(responses["prompt_id"].nunique()),
        "responses": len(responses),
        "duplicates": sum(count["duplicates"] for count in counts),
        "quarantined": sum(count["quarantined"] for count in counts),
        "quarantined_share": round(share, 6),
        "domains": {
            str(domain): {str(key): int(value) for key, value in row.items()}
            for domain, row in domains.iterrows()
        },
        "files": counts,
    }


def _first_reasons(faults: list[dict[str, Any]]) -> str:
    shown = "; ".join(
        f"{fault['file']}:{fault['line']}: {fault['reason']}" for fault in faults[:REASONS_SHOWN]
    )
    more = len(faults) - REASONS_SHOWN
    return shown + (f"; and {more} more" if more > 0 else "")
