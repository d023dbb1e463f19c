"""Held-out pairs to look through: which ones the report holds, and the script that filters them."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from rewardgate.metrics import Scored

T = TypeVar("T")

PAIRS = 200
LONGEST = 3000
"""Characters of a text that the report holds at most."""
BUDGET = 500_000
"""Bytes of text that the pairs hold in all, so that the report opens fast on a phone."""

SCRIPT = (Path(__file__).parent / "browser.js").read_text(encoding="utf-8")


def script_hash(script: str) -> str:
    """What a Content-Security-Policy calls an inline script: 'sha256-...'."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def clipped(text: str) -> str:
    """The first LONGEST characters of a text, and how many more there are."""
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} [… {len(text) - LONGEST:,} more characters]"


def held_out_pairs(test: Scored, temperature: float, most: int = PAIRS) -> list[dict[str, Any]]:
    """At most `most` pairs, drawn by the hash of their ids: first one a prompt, then more of each.

    A pair is {prompt_id, domain, prompt, chosen, rejected, chosen_rank, rejected_rank, margin
    (BT logits), outcome: right, wrong or tied}.
    """
    responses = test.responses
    ids = responses["response_id"].astype(str).to_numpy()
    pairs = test.pairs.assign(
        key=[
            hashlib.sha256("\0".join(key).encode()).hexdigest()
            for key in zip(
                test.pairs["ranking_id"].astype(str),
                ids[test.pairs["chosen"]],
                ids[test.pairs["rejected"]],
                strict=True,
            )
        ]
    ).sort_values("key", kind="stable")
    turn = pairs.groupby("prompt_id").cumcount()
    drawn = pairs.assign(turn=turn).sort_values(["turn", "key"], kind="stable").head(most)
    made = [_pair(responses, pair, temperature) for _, pair in drawn.iterrows()]
    return within(BUDGET, made, ("prompt", "chosen", "rejected"))


def within(budget: int, items: Iterable[T], texts: Sequence[str]) -> list[T]:
    """The first items whose clipped texts, under the keys `texts`, fit into so many bytes."""
    kept: list[T] = []
    for item in items:
        budget -= sum(len(clipped(str(_at(item, key))).encode()) for key in texts)
        if budget < 0:
            break
        kept.append(item)
    return kept


def _at(item: Any, key: str) -> Any:
    for part in key.split("."):
        item = item[part]
    return item


def _pair(responses: pd.DataFrame, pair: pd.Series, temperature: float) -> dict[str, Any]:
    chosen, rejected = (responses.iloc[pair[side]] for side in ("chosen", "rejected"))
    margin = float(pair["margin"]) / temperature
    return {
        "prompt_id": chosen["prompt_id"],
        "domain": chosen["domain"],
        "prompt": chosen["prompt"],
        "chosen": chosen["text"],
        "rejected": rejected["text"],
        "chosen_rank": int(chosen["rank"]),
        "rejected_rank": int(rejected["rank"]),
        "margin": margin,
        "outcome": "right" if margin > 0 else "wrong" if margin < 0 else "tied",
    }
