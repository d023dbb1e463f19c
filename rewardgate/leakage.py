"""What the splits hold, what they share, and what a pair-level split would have shared."""

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2_contingency

from rewardgate.normalise import matching_form
from rewardgate.out_of_core import insert

TRAIN = 0
"""Code of the training split; others are held out."""


def composition(sizes: Mapping[str, Mapping[str, int]], prompts: pd.DataFrame) -> dict[str, Any]:
    """Sizes per split and the spread of each domain over the splits.

    sizes: by split the rankings, responses and pairs
    prompts: how many by domain (row) and split (column)
    Hashing stratifies only on average, so the share of each domain's prompts is set beside the
    wanted one, with the p-value of Pearson's chi-square test that domain and split are
    independent (`scipy.stats`).
    """
    total = int(prompts.to_numpy().sum())
    of_split = {name: int(prompts[name].sum()) for name in sizes}
    test = chi2_contingency(prompts.to_numpy(), correction=False)
    return {
        "splits": {
            name: {
                "prompts": of_split[name],
                "prompt_share": round(of_split[name] / total, 4),
                **size,
            }
            for name, size in sizes.items()
        },
        "domains": {
            str(domain): {
                "prompts": int(row.sum()),
                "shares": {str(name): round(float(n / row.sum()), 4) for name, n in row.items()},
            }
            for domain, row in prompts.iterrows()
        },
        "domain_independence": {
            "chi_square": round(float(test.statistic), 4),
            "degrees_of_freedom": int(test.dof),
            "p_value": round(float(test.pvalue), 4),
        },
    }


class Leakage:
    """What the splits of pairs share, from one chunk of pairs after another.

    name: of its table in the database, where texts are counted
    groups: (forms,) the near-duplicate group of each prompt's matching form
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        groups: NDArray[np.int64],
        splits: int,
    ) -> None:
        self._connection = connection
        self._name = name
        self._groups = groups
        self._pairs = np.zeros((len(groups), splits), np.int32)
        connection.execute(f"CREATE TABLE {name} (text UBIGINT, splits UTINYINT)")

    @property
    def pairs(self) -> NDArray[np.int64]:
        """Pairs of each split (splits,)."""
        return self._pairs.sum(axis=0, dtype=np.int64)

    def add(
        self,
        prompt: NDArray[np.int64],
        chosen: NDArray[np.int64],
        rejected: NDArray[np.int64],
        split: NDArray[np.int64],
        text: NDArray[np.uint64],
    ) -> None:
        """Pairs (pairs,): the form of the prompt, the places of both sides in `text`, the split;
        `text` (rows,) hashes the matching form of each response."""
        np.add.at(self._pairs, (prompt, split), 1)
        splits = np.zeros(len(text), np.uint8)
        bit = (1 << split).astype(np.uint8)
        np.bitwise_or.at(splits, chosen, bit)
        np.bitwise_or.at(splits, rejected, bit)
        used = splits > 0
        insert(self._connection, self._name, {"text": text[used], "splits": splits[used]})

    def figures(self) -> dict[str, Any]:
        by_group = np.zeros_like(
            self._pairs, shape=(self._groups.max(initial=-1) + 1, self._pairs.shape[1])
        )
        np.add.at(by_group, self._groups, self._pairs)
        found = self._connection.execute(
            "SELECT splits, count(*) FROM "
            f"(SELECT bit_or(splits) AS splits FROM {self._name} GROUP BY text) GROUP BY splits"
        ).fetchall()
        masks, texts = np.array(found, np.int64).reshape(-1, 2).T
        by_text = (masks[:, None] >> np.arange(self._pairs.shape[1])) & 1
        return {
            "pairs": int(self.pairs.sum()),
            "held_out_pairs": int(np.delete(self.pairs, TRAIN).sum()),
            "prompts_in_several_splits": _straddling(self._pairs),
            "groups_in_several_splits": _straddling(by_group),
            "response_texts_in_several_splits": int(texts[by_text.sum(axis=1) > 1].sum()),
            "held_out_pairs_with_prompt_in_train": _seen_in_train(self._pairs),
            "held_out_pairs_with_near_duplicate_in_train": _seen_in_train(by_group),
            "held_out_texts_in_train": _seen_in_train(by_text * texts[:, None]),
        }


def shared_prompts(held_out: Iterable[str], seen: Iterable[str]) -> int:
    """How many prompts of `held_out` stand in `seen` too, compared by their matching form."""
    ours, theirs = ({matching_form(one) for one in set(prompts)} for prompts in (held_out, seen))
    return len(ours & theirs)


def _straddling(counts: NDArray[Any]) -> int:
    """How many things (things, splits) are found in more than one split."""
    return int(((counts > 0).sum(axis=1) > 1).sum())


def _seen_in_train(counts: NDArray[Any]) -> float:
    """Share of what is held out, of (things, splits) counts, that belongs to things in train."""
    held_out = np.delete(counts, TRAIN, axis=1).sum(axis=1, dtype=np.int64)
    total = int(held_out.sum())
    return round(int(held_out[counts[:, TRAIN] > 0].sum()) / total, 4) if total else 0.0
