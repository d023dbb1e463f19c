"""Responses for a person to read: the extremes, and where the model is most wrong."""

from typing import Any

import pandas as pd

from rewardgate.metrics import Scored


def samples(scored: Scored, count: int) -> dict[str, Any]:
    """The `count` highest and lowest scored responses and worst misranked pairs.

    At most one response or pair a prompt in each list.
    """
    by_score = scored.responses.sort_values("score", ascending=False, kind="stable")
    highest = by_score.drop_duplicates("prompt_id").head(count)
    lowest = by_score[::-1].drop_duplicates("prompt_id").head(count)
    wrong = scored.pairs[scored.pairs["margin"] < 0].sort_values("margin", kind="stable")
    worst = wrong.drop_duplicates("prompt_id").head(count)
    return {
        "highest": [_response(row) for _, row in highest.iterrows()],
        "lowest": [_response(row) for _, row in lowest.iterrows()],
        "misranked": [
            {
                "margin": float(pair["margin"]),
                "chosen": _response(scored.responses.iloc[pair["chosen"]]),
                "rejected": _response(scored.responses.iloc[pair["rejected"]]),
            }
            for _, pair in worst.iterrows()
        ],
    }


def _response(row: pd.Series) -> dict[str, Any]:
    return {
        "prompt_id": row["prompt_id"],
        "domain": row["domain"],
        "prompt": row["prompt"],
        "response_id": row["response_id"],
        "text": row["text"],
        "rank": int(row["rank"]),
        "score": float(row["score"]),
    }
