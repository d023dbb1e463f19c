"""What the others did say: comparisons of the same two texts by several annotators."""

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from rewardgate.metrics import correct

START_SKILL = 0.7
ITERATIONS = 200
TOLERANCE = 1e-8


def votes_of(comparisons: pd.DataFrame) -> pd.DataFrame:
    """One row an item and annotator, for items that two or more annotators have judged.

    item, annotator, prompt_id, domain, and vote: 1 or -1, the direction that the annotator chose
    more often. An annotator who chose both equally often has no vote.
    """
    by_annotator = comparisons.groupby(["item", "annotator"], sort=True).agg(
        prompt_id=("prompt_id", "first"), domain=("domain", "first"), vote=("direction", "sum")
    )
    votes = by_annotator[by_annotator["vote"] != 0].reset_index()
    votes["vote"] = np.sign(votes["vote"]).astype(int)
    return votes[votes.groupby("item")["vote"].transform("size") > 1].reset_index(drop=True)


def skills(votes: pd.DataFrame) -> pd.Series:
    """How often each annotator is right, in (0, 1), by annotator: one-coin Dawid and Skene.

    Both directions of an item are equally likely and annotator a is right with probability s_a,
    independently. EM, in turn until no s moves by 1e-8 or 200 times:
      P(item is +1) = sigmoid(sum over its votes v_a logit(s_a))
      s_a = (1 + expected right votes of a) / (2 + votes of a)
    s below 0.5 is an annotator who ranks backwards. Two annotators alone cannot be told apart.

    Source: Dawid and Skene 1979, "Maximum Likelihood Estimation of Observer Error-Rates Using the
    EM Algorithm", with one parameter an annotator as in Raykar et al. 2010, and Laplace's rule.
    """
    annotator, names = pd.factorize(votes["annotator"], sort=True)
    vote, items = votes["vote"].to_numpy(), pd.factorize(votes["item"])[0]
    count = np.bincount(annotator, minlength=len(names))
    skill = np.full(len(names), START_SKILL)
    for _ in range(ITERATIONS):
        plus = np.bincount(items, vote * logit(skill)[annotator])
        right = expit(vote * plus[items])
        new = (1 + np.bincount(annotator, right, minlength=len(names))) / (2 + count)
        moved, skill = np.abs(new - skill).max(initial=0), new
        if moved < TOLERANCE:
            break
    return pd.Series(skill, index=names)


def with_agreement(votes: pd.DataFrame, skill: pd.Series) -> pd.DataFrame:
    """`votes` with two columns more.

    agree: 1 if the others on the item, each with the weight logit(skill), voted the same way, 0.5
      if they balance, else 0
    others_agree: the mean of `agree` of the others on the item
    """
    weight = votes["vote"] * logit(votes["annotator"].map(skill).astype(float))
    item = votes["item"]
    others = (weight.groupby(item).transform("sum") - weight).to_numpy()
    others = np.where(np.abs(others) < 1e-9, 0.0, others) * votes["vote"]
    votes = votes.assign(agree=correct(others))
    per_item = votes.groupby("item")["agree"]
    rest = per_item.transform("size") - 1
    return votes.assign(others_agree=(per_item.transform("sum") - votes["agree"]) / rest)
