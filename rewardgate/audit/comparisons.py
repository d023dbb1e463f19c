"""Rankings as comparisons with what an audit asks of each: who, what, how much longer, in what
order."""

import numpy as np
import pandas as pd

from rewardgate.pairs import pairs_of
from rewardgate.rules.refusal import is_refusal

FIRST_LISTED_UNKNOWN = (0.0, 1.0)
"""Shares of first-listed chosen that mean a source lists its responses by rank."""


def comparisons_of(responses: pd.DataFrame) -> pd.DataFrame:
    """`pairs_of(responses)`, one row a comparison, with these columns more.

    annotator, source, prompt: str
    item: int, the same for every comparison of the same two texts of a prompt
    low_text, high_text: int, its two texts, numbered in the order of the table
    direction: 1 if low_text is chosen, else -1
    longer_by: characters that the chosen response has more than the rejected one, in standard
      deviations of length within the ranking; 0 where all are of one length
    longer: 1 if the chosen response is the longer one, 0.5 if both are as long, else 0
    first_listed: 1 if the chosen response is listed before the rejected one, else 0; NaN where a
      source always or never lists the better one first, since that is an order by rank and not the
      order in which annotators saw the responses
    refusal_chosen: of a refusal and an answer, 1 if the refusal is chosen, else 0; NaN where both
      are refusals or neither is (`rules.refusal.is_refusal`)
    """
    pairs = pairs_of(responses)
    chosen, rejected = pairs["chosen"].to_numpy(), pairs["rejected"].to_numpy()
    for column in ("annotator", "source", "prompt"):
        pairs[column] = responses[column].to_numpy()[chosen]
    text = responses.groupby(["prompt_id", "text"], sort=False).ngroup().to_numpy()
    pairs["low_text"] = np.minimum(text[chosen], text[rejected])
    pairs["high_text"] = np.maximum(text[chosen], text[rejected])
    pairs["item"] = pairs.groupby(["low_text", "high_text"], sort=False).ngroup()
    pairs["direction"] = np.where(text[chosen] == pairs["low_text"], 1, -1)
    length = responses["text"].str.len()
    spread = length.groupby(responses["ranking_id"], sort=False).transform("std", ddof=0)
    z = (length / spread.where(spread > 0)).fillna(0.0).to_numpy(float)
    pairs["longer_by"] = z[chosen] - z[rejected]
    pairs["longer"] = (np.sign(pairs["longer_by"]) + 1) / 2
    pairs["first_listed"] = (chosen < rejected).astype(float)
    share = pairs.groupby("source", sort=False)["first_listed"].transform("mean")
    pairs.loc[share.isin(FIRST_LISTED_UNKNOWN), "first_listed"] = np.nan
    refuses = responses["text"].map(is_refusal).to_numpy(float)
    told_apart = refuses[chosen] != refuses[rejected]
    pairs["refusal_chosen"] = np.where(told_apart, refuses[chosen], np.nan)
    return pairs
