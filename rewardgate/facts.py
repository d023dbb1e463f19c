"""Facts about rankings, prompts and the whole data, gathered from one chunk after another.

What holds within a ranking is known from its chunk, of which `write_facts` keeps hashes and counts.
What holds over rankings (does a prompt_id
stand for one prompt? is a comparison contradicted elsewhere?) is a group-by over 64-bit hashes in
a database that spills, so no text is held.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from rewardgate.files import read_json, write_json, write_table
from rewardgate.pairs import pairs_of

TABLES = """
CREATE TABLE prompts (prompt_id VARCHAR, prompt UBIGINT, domain VARCHAR, first BIGINT);
CREATE TABLE answers (prompt_id UBIGINT, answer UBIGINT, text UBIGINT);
CREATE TABLE comparisons (pair UBIGINT, upwards BOOLEAN);
"""
CONTRADICTED = (
    "SELECT pair, count(*) AS comparisons FROM comparisons GROUP BY pair "
    "HAVING min(upwards) <> max(upwards)"
)
PROMPTS = """
SELECT prompt_id, texts, domains, coalesce(ambiguous, 0) AS ambiguous_response_ids
FROM (
    SELECT prompt_id, count(DISTINCT prompt) AS texts, count(DISTINCT domain) AS domains,
        min(first) AS first
    FROM prompts GROUP BY prompt_id
)
LEFT JOIN (
    SELECT prompt_id AS hashed, count(*) AS ambiguous
    FROM (
        SELECT prompt_id FROM answers GROUP BY prompt_id, answer HAVING min(text) <> max(text)
    ) GROUP BY prompt_id
) ON hash(prompt_id) = hashed
ORDER BY first
"""
CHUNK_TABLES = {
    "prompts": "SELECT prompt_id, hash(prompt) AS prompt, domain, min(row) AS first FROM chunk "
    "GROUP BY ALL",
    "answers": "SELECT DISTINCT hash(prompt_id) AS prompt_id, hash(response_id, prompt_id) AS "
    "answer, hash(text) AS text FROM chunk",
}
COUNTS = "counts.json"
PROMPTS_AT_ONCE = 50_000
WEIGHTS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
"""Odd multipliers that make one hash of three."""


def rows_of(responses: pd.DataFrame) -> pd.DataFrame:
    """What is judged of each response."""
    return responses[["prompt_id", "ranking_id", "response_id", "domain", "rank"]].assign(
        prompt_chars=responses["prompt"].str.len(),
        text_chars=responses["text"].str.len(),
        strength_finite=~np.isinf(responses["strength"].to_numpy(np.float64)),
    )


def rankings_of(responses: pd.DataFrame) -> pd.DataFrame:
    """What is judged of each ranking."""
    rankings = (
        responses.groupby("ranking_id", sort=False)
        .agg(
            prompt_id=("prompt_id", "first"),
            distinct_ranks=("rank", "nunique"),
            best_rank=("rank", "min"),
            worst_rank=("rank", "max"),
            size=("rank", "size"),
        )
        .reset_index()
    )
    rankings["worst_rank_minus_size"] = rankings["worst_rank"] - rankings["size"]
    return rankings


def write_facts(
    connection: duckdb.DuckDBPyConnection, responses: pd.DataFrame, folder: Path
) -> None:
    """Write what `Facts` adds up of a chunk of whole rankings."""
    table = pa.Table.from_pandas(responses, preserve_index=False)
    table = table.append_column("row", pa.array(np.arange(len(table))))
    connection.register("chunk", table)
    for name, rows in CHUNK_TABLES.items():
        connection.sql(rows).write_parquet(str(folder / f"{name}.parquet"))
    connection.unregister("chunk")
    pairs = pairs_of(responses)
    pair, upwards = _compared(connection, responses, pairs)
    same = pair == 0
    compared = pd.DataFrame({"pair": pair[~same], "upwards": upwards[~same]})
    write_table(folder / "comparisons.parquet", compared)
    size = responses.groupby("ranking_id", sort=False).size().to_numpy()
    chars = responses["text"].str.len().to_numpy()
    counts = {
        "rows": len(responses),
        "all_pairs": int((size * (size - 1) // 2).sum()),
        "pairs": len(pairs),
        "longer_chosen": int((chars[pairs["chosen"]] > chars[pairs["rejected"]]).sum()),
        "same_text": int(same.sum()),
    }
    write_json(folder / COUNTS, counts)


class Facts:
    """The facts that need all chunks, from the folders that `write_facts` wrote of each."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.counts: Counter[str] = Counter()
        connection.execute(TABLES)

    def add(self, folder: Path) -> None:
        offset = self.counts["rows"]
        for name, columns in (
            ("prompts", f"* REPLACE (first + {offset} AS first)"),
            ("answers", "*"),
            ("comparisons", "*"),
        ):
            self.connection.execute(
                f"INSERT INTO {name} BY NAME SELECT {columns} FROM read_parquet(?)",
                [str(folder / f"{name}.parquet")],
            )
        self.counts.update(read_json(folder / COUNTS))

    def prompts(self) -> Iterator[pd.DataFrame]:
        """What is judged of each prompt_id, in order of first appearance."""
        for batch in self.connection.sql(PROMPTS).to_arrow_reader(PROMPTS_AT_ONCE):
            yield batch.to_pandas()

    def shares(self) -> pd.DataFrame:
        """What is judged of the data as a whole, in one row."""
        (contradicted,) = self.connection.execute(
            f"SELECT coalesce(sum(comparisons), 0)::BIGINT FROM ({CONTRADICTED})"
        ).fetchall()[0]
        ties = self.counts["all_pairs"] - self.counts["pairs"]
        contradictions = contradicted + self.counts["same_text"]
        return pd.DataFrame(
            {
                "tie_share": [_share(ties, self.counts["all_pairs"])],
                "contradiction_share": [_share(contradictions, self.counts["pairs"])],
                "longer_chosen_share": [_share(self.counts["longer_chosen"], self.counts["pairs"])],
            },
            dtype=object,  # Great Expectations cannot render NumPy's floats
        )

    def contradictions(self, chunks: Iterable[pd.DataFrame], count: int) -> pd.DataFrame:
        """The first contradicted comparisons, {prompt_id, response_id, value}."""
        contradicted = self.connection.execute(CONTRADICTED).fetchnumpy()["pair"]
        found: list[pd.DataFrame] = []
        for responses in chunks:
            pairs = pairs_of(responses)
            pair, _ = _compared(self.connection, responses, pairs)
            pairs = pairs[np.isin(pair, contradicted) | (pair == 0)]
            losing = responses["response_id"].iloc[pairs["rejected"]].to_numpy()
            found.append(
                pd.DataFrame(
                    {
                        "prompt_id": pairs["prompt_id"],
                        "response_id": responses["response_id"].iloc[pairs["chosen"]].to_numpy(),
                        "value": [f"above {one} here, below it elsewhere" for one in losing],
                    }
                ).head(count)
            )
            if sum(map(len, found)) >= count:
                break
        return pd.concat(found).head(count)


def _compared(
    connection: duckdb.DuckDBPyConnection, responses: pd.DataFrame, pairs: pd.DataFrame
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Hashes (pairs,) of prompt and both texts in either order, 0 where the texts are the
    same, and the order (pairs,)."""
    connection.register(
        "chunk", pa.Table.from_pandas(responses[["prompt", "text"]], preserve_index=False)
    )
    hashes: dict[str, Any] = connection.execute(
        "SELECT hash(prompt) AS prompt, hash(text) AS text FROM chunk"
    ).fetchnumpy()
    connection.unregister("chunk")
    text = hashes["text"]
    chosen, rejected = text[pairs["chosen"]], text[pairs["rejected"]]
    parts = (
        hashes["prompt"][pairs["chosen"]],
        np.minimum(chosen, rejected),
        np.maximum(chosen, rejected),
    )
    pair = sum(
        (part * weight for part, weight in zip(parts, WEIGHTS, strict=True)),
        start=np.zeros(len(pairs), np.uint64),
    )
    return np.where(chosen == rejected, np.uint64(0), pair), chosen < rejected


def _share(part: int, whole: int) -> float:
    return round(float(part) / whole, 6) if whole else 0.0
