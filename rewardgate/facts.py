"""Facts about rankings, prompts and the whole data, gathered from one chunk after another.

What holds within a ranking is known from its chunk. What holds over rankings (does a prompt_id
stand for one prompt? is a comparison contradicted elsewhere?) is a group-by over 64-bit hashes in
a database that spills, so no text is held.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from rewardgate.out_of_core import insert
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


class Facts:
    """The facts that need all chunks. Each chunk holds whole rankings."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.rows = 0
        self.all_pairs = 0
        self.pairs = 0
        self.longer_chosen = 0
        self.same_text = 0
        connection.execute(TABLES)

    def add(self, responses: pd.DataFrame) -> None:
        table = pa.Table.from_pandas(responses, preserve_index=False)
        table = table.append_column("row", pa.array(np.arange(len(table)) + self.rows))
        self.connection.register("chunk", table)
        self.connection.execute(
            "INSERT INTO prompts SELECT prompt_id, hash(prompt), domain, min(row) FROM chunk "
            "GROUP BY ALL"
        )
        self.connection.execute(
            "INSERT INTO answers SELECT DISTINCT hash(prompt_id), hash(response_id, prompt_id), "
            "hash(text) FROM chunk"
        )
        self.connection.unregister("chunk")
        pairs = pairs_of(responses)
        pair, upwards = self._compared(responses, pairs)
        same = pair == 0
        compared = {"pair": pair[~same], "upwards": upwards[~same]}
        insert(self.connection, "comparisons", compared)
        size = responses.groupby("ranking_id", sort=False).size().to_numpy()
        chars = responses["text"].str.len().to_numpy()
        self.rows += len(responses)
        self.all_pairs += int((size * (size - 1) // 2).sum())
        self.pairs += len(pairs)
        self.longer_chosen += int((chars[pairs["chosen"]] > chars[pairs["rejected"]]).sum())
        self.same_text += int(same.sum())

    def prompts(self) -> Iterator[pd.DataFrame]:
        """What is judged of each prompt_id, in order of first appearance."""
        for batch in self.connection.sql(PROMPTS).to_arrow_reader(PROMPTS_AT_ONCE):
            yield batch.to_pandas()

    def shares(self) -> pd.DataFrame:
        """What is judged of the data as a whole, in one row."""
        (contradicted,) = self.connection.execute(
            f"SELECT coalesce(sum(comparisons), 0)::BIGINT FROM ({CONTRADICTED})"
        ).fetchall()[0]
        return pd.DataFrame(
            {
                "tie_share": [_share(self.all_pairs - self.pairs, self.all_pairs)],
                "contradiction_share": [_share(contradicted + self.same_text, self.pairs)],
                "longer_chosen_share": [_share(self.longer_chosen, self.pairs)],
            },
            dtype=object,  # Great Expectations cannot render NumPy's floats
        )

    def contradictions(self, chunks: Iterable[pd.DataFrame], count: int) -> pd.DataFrame:
        """The first contradicted comparisons, {prompt_id, response_id, value}."""
        contradicted = self.connection.execute(CONTRADICTED).fetchnumpy()["pair"]
        found: list[pd.DataFrame] = []
        for responses in chunks:
            pairs = pairs_of(responses)
            pair, _ = self._compared(responses, pairs)
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
        self, responses: pd.DataFrame, pairs: pd.DataFrame
    ) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Hashes (pairs,) of prompt and both texts in either order, 0 where the texts are the
        same, and the order (pairs,)."""
        self.connection.register(
            "chunk", pa.Table.from_pandas(responses[["prompt", "text"]], preserve_index=False)
        )
        hashes: dict[str, Any] = self.connection.execute(
            "SELECT hash(prompt) AS prompt, hash(text) AS text FROM chunk"
        ).fetchnumpy()
        self.connection.unregister("chunk")
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
