"""Which rows must leave, lest prompts or texts stand in two splits: decided on numbers alone.

Rows, rankings and prompts are numbers, texts 64-bit hashes, all in a database that spills.
"""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rewardgate.out_of_core import insert

NEAR_DUPLICATE = "near-duplicate of a prompt in a more protected split"
SHARED_TEXT = "response text is also in a more protected split"
TOO_FEW_RANKS = "fewer than two distinct ranks are left in the ranking"
SEEN_PROMPT = "the model that training starts from was trained on it or on a near-duplicate"
SEEN_TEXT = "the model that training starts from was trained on this response text"
REASONS = (NEAR_DUPLICATE, SHARED_TEXT, TOO_FEW_RANKS, SEEN_PROMPT, SEEN_TEXT)

TABLES = """
CREATE TABLE rows (row BIGINT, ranking BIGINT, rank INTEGER, text UBIGINT);
CREATE TABLE rankings (ranking BIGINT, prompt_id VARCHAR, domain VARCHAR);
CREATE TABLE homes (ranking BIGINT, near BIGINT, level BIGINT);
CREATE TABLE seen_groups (near BIGINT, level BIGINT);
CREATE TABLE seen_texts (text UBIGINT, level BIGINT);
"""
EXCLUDE = """
CREATE TABLE seen_rankings AS
WITH seen AS (SELECT near, max(level) AS most FROM seen_groups GROUP BY near)
SELECT ranking FROM homes JOIN seen USING (near) WHERE level < most;

CREATE TABLE unseen AS SELECT * FROM homes ANTI JOIN seen_rankings USING (ranking);

CREATE TABLE lost_rankings AS
WITH torn AS (
    SELECT near, min(level) AS least FROM unseen GROUP BY near HAVING min(level) < max(level)
), keepers AS (
    SELECT near, least, min(prompt_id) AS keeper
    FROM unseen JOIN torn USING (near) JOIN rankings USING (ranking)
    WHERE level = least GROUP BY near, least
)
SELECT ranking, keeper, least FROM unseen JOIN keepers USING (near) WHERE level > least;

CREATE TABLE seen_rows AS
WITH seen AS (SELECT text, max(level) AS most FROM seen_texts GROUP BY text)
SELECT row, ranking FROM rows JOIN unseen USING (ranking) JOIN seen USING (text)
ANTI JOIN lost_rankings USING (ranking) WHERE level < most;

CREATE TABLE remaining AS
SELECT row, ranking, rank, text, level
FROM rows JOIN unseen USING (ranking) ANTI JOIN lost_rankings USING (ranking)
ANTI JOIN seen_rows USING (row);

CREATE TABLE lost_texts AS
WITH torn AS (
    SELECT text, min(level) AS least FROM remaining GROUP BY text HAVING min(level) < max(level)
), keepers AS (
    SELECT text, least, min(prompt_id) AS keeper
    FROM remaining JOIN torn USING (text) JOIN rankings USING (ranking)
    WHERE level = least GROUP BY text, least
)
SELECT row, ranking, keeper, least FROM remaining JOIN keepers USING (text) WHERE level > least;

CREATE TABLE short AS
SELECT ranking FROM remaining ANTI JOIN lost_texts USING (row)
GROUP BY ranking HAVING min(rank) = max(rank);

CREATE TABLE excluded AS
SELECT row, ranking, 0 AS reason, keeper, least
FROM rows JOIN lost_rankings USING (ranking)
UNION ALL
SELECT row, ranking, 1, keeper, least FROM lost_texts
UNION ALL
SELECT row, ranking, 2, cause.keeper, cause.least
FROM remaining JOIN short USING (ranking) ANTI JOIN lost_texts USING (row)
LEFT JOIN (
    SELECT ranking, arg_min(keeper, row) AS keeper, arg_min(least, row) AS least
    FROM lost_texts GROUP BY ranking
) AS cause USING (ranking)
UNION ALL
SELECT row, ranking, 3, '', -1 FROM rows JOIN seen_rankings USING (ranking)
UNION ALL
SELECT row, ranking, 4, '', -1 FROM seen_rows
ORDER BY row;

CREATE TABLE kept AS
SELECT ranking, level, count(*) AS responses
FROM remaining ANTI JOIN excluded USING (row) GROUP BY ranking, level;
"""


class Exclusions:
    """Add all rows, give each ranking its home, and ask what is excluded and what is left."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        connection.execute(TABLES)

    def add(
        self,
        row: NDArray[np.int64],
        ranking: NDArray[np.int64],
        rank: NDArray[np.int32],
        text: NDArray[np.uint64],
        first_rows: pd.DataFrame,
    ) -> None:
        """Numbers (rows,) of rows, rankings, ranks and texts; `first_rows` has ranking, prompt_id
        and domain of each ranking."""
        insert(
            self._connection, "rows", {"row": row, "ranking": ranking, "rank": rank, "text": text}
        )
        insert(self._connection, "rankings", dict(first_rows.items()))

    def know(self, table: str, column: str, values: NDArray[Any], level: NDArray[np.int64]) -> None:
        """What was trained on at a level (n,), so that no more protected level may hold it.

        table, column: `seen_groups`, `near` or `seen_texts`, `text`
        """
        insert(self._connection, table, {column: values, "level": level})

    def decide(self, group: NDArray[np.int64], level: NDArray[np.int64]) -> None:
        """group, level (rankings,): of each ranking's prompt; a lower level is more protected."""
        ranking = np.arange(len(group))
        insert(self._connection, "homes", {"ranking": ranking, "near": group, "level": level})
        self._connection.execute(EXCLUDE)

    def between(self, start: int, end: int) -> pd.DataFrame:
        """Excluded rows from number `start` to before `end`: row, reason (a place in REASONS),
        keeper (a prompt_id, or "") and least (its level, or -1)."""
        found = self._connection.execute(
            "SELECT row, reason, coalesce(keeper, '') AS keeper, coalesce(least, -1) AS least "
            "FROM excluded WHERE row >= ? AND row < ? ORDER BY row",
            [start, end],
        )
        return found.fetch_df()

    def texts(self, start: int, end: int) -> NDArray[np.uint64]:
        """Hashes of the texts of the rows from number `start` to before `end`."""
        found = self._connection.execute(
            "SELECT text FROM rows WHERE row >= ? AND row < ? ORDER BY row", [start, end]
        )
        return np.asarray(found.fetchnumpy()["text"], np.uint64)

    def levels_left(self) -> set[int]:
        """The levels that have a row left."""
        levels = self._connection.execute("SELECT DISTINCT level FROM kept").fetchall()
        return {level for (level,) in levels}

    def counts(self) -> dict[str, Any]:
        """Excluded prompts, rankings and responses, in all and by reason."""
        counted = (
            "SELECT count(DISTINCT prompt_id), count(DISTINCT ranking), count(*) "
            "FROM excluded JOIN rankings USING (ranking)"
        )

        def counts(where: str) -> dict[str, int]:
            found = self._connection.execute(f"{counted} {where}").fetchall()[0]
            return dict(zip(("prompts", "rankings", "responses"), found, strict=True))

        by_reason = {name: counts(f"WHERE reason = {at}") for at, name in enumerate(REASONS)}
        return counts("") | {"reasons": by_reason}

    def kept_sizes(self) -> dict[int, tuple[int, int]]:
        """By level the rankings and responses that are left."""
        found = self._connection.execute(
            "SELECT level, count(*), sum(responses)::BIGINT FROM kept GROUP BY level"
        )
        return {level: (rankings, responses) for level, rankings, responses in found.fetchall()}

    def kept_prompts(self) -> pd.DataFrame:
        """How many prompts (prompt_ids) are left by domain and level: domain, level, prompts."""
        return self._connection.execute(
            "SELECT domain, level, count(*) AS prompts FROM ("
            "SELECT arg_min(domain, ranking) AS domain, arg_min(level, ranking) AS level "
            "FROM kept JOIN rankings USING (ranking) GROUP BY prompt_id"
            ") GROUP BY domain, level ORDER BY domain, level"
        ).fetch_df()
