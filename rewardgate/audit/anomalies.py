"""Which annotators differ from the others by more than is tolerated, beyond chance."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from rewardgate.audit.bias import Measured, Z, mean, slope
from rewardgate.metrics import correct
from rewardgate.settings import Audit

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

Measure = Callable[..., Measured]
Kind = Literal["agreement", "length_bias", "first_listed"]

MIN_DOMAIN_PROMPTS = 5


@dataclass(frozen=True)
class Difference:
    """An annotator's figure minus that of the others on prompts of the same domains."""

    annotator: str
    kind: Kind
    own: float
    others: float
    difference: Measured

    def beyond(self, settings: Audit) -> float:
        """How far the difference lies beyond what is tolerated, in standard errors."""
        gap, error = self.difference.estimate, self.difference.error
        over = {
            "agreement": -gap - settings.max_agreement_gap,
            "length_bias": abs(gap) - settings.max_length_bias_gap,
            "first_listed": abs(gap) - settings.max_first_listed_gap,
        }[self.kind]
        return over / error if error > 0 else math.copysign(math.inf, over or -1)

    def p(self, settings: Audit) -> float:
        """p-value of H0 "the annotator differs by no more than is tolerated"; normal.

        Agreement is tested on the low side, the others on both.
        """
        p = float(norm.sf(self.beyond(settings)))
        return p if self.kind == "agreement" else min(1.0, 2 * p)

    def reason(self) -> str:
        """Why the annotator is named, for whoever must ask them."""
        if self.kind == "agreement":
            return (
                f"agrees with the others in {self.own:.1%} of comparisons, where "
                f"{self.others:.1%} is expected{self._agreement_guess()}"
            )
        if self.kind == "length_bias":
            towards = "longer" if self.difference.estimate > 0 else "shorter"
            return (
                f"prefers {towards} responses: {self.own:+.2f} BT logits per standard deviation "
                f"of length, the others {self.others:+.2f}"
            )
        return (
            f"chooses the response that is listed first in {self.own:.1%} of comparisons, the "
            f"others in {self.others:.1%}"
        )

    def _agreement_guess(self) -> str:
        reach = Z * self.difference.error
        if self.own + reach < 0.5:
            return "; below chance: perhaps rank 1 was taken for the worst"
        return "; no better than chance" if self.own - reach < 0.5 else ""


MEASURES: tuple[tuple[Kind, str, Measure], ...] = (
    ("length_bias", "longer_by", slope),
    ("first_listed", "first_listed", mean),
)


def comparable(comparisons: pd.DataFrame, own: Mask) -> tuple[Mask, Floats]:
    """Own pairs in domains that the others rank too, and weights for the others' pairs.

    The weights (p,) give the others the annotator's mix of domains; they are 0 on own pairs and
    on domains with fewer than MIN_DOMAIN_PROMPTS prompts by the others.
    """
    domain = comparisons["domain"]
    others = comparisons[~own].groupby("domain")["prompt_id"].agg(["nunique", "size"])
    others = others[others["nunique"] >= MIN_DOMAIN_PROMPTS]
    kept = own & domain.isin(others.index).to_numpy()
    weight = domain.map(domain[kept].value_counts() / others["size"]).fillna(0.0).to_numpy()
    return kept, np.where(own, 0.0, weight)


def differences(comparisons: pd.DataFrame, annotator: str, settings: Audit) -> list[Difference]:
    """Length bias and share of first listed against the others; nothing without comparable ones."""
    own, weight = comparable(comparisons, (comparisons["annotator"] == annotator).to_numpy())
    found = []
    for name, column, measure in MEASURES:
        known = comparisons[column].notna().to_numpy()
        mine, theirs = comparisons[own & known], comparisons[(weight > 0) & known]
        if min(mine["prompt_id"].nunique(), theirs["prompt_id"].nunique()) < settings.min_prompts:
            continue
        a = measure(mine[column], mine["prompt_id"])
        b = measure(theirs[column], theirs["prompt_id"], weight[(weight > 0) & known])
        found.append(Difference(annotator, name, a.estimate, b.estimate, a.minus(b)))
    return found


def from_margins(
    comparisons: pd.DataFrame,
    annotator: str,
    margins: Floats,
    outside: Mask,
    settings: Audit,
) -> tuple[Mask, Difference] | None:
    """Agreement with a consensus model that the annotator took no part in, against expectation.

    margins: (p,) under the model; outside: (p,) pairs of annotators whom the model was fitted on,
    its margins cross-fitted. What is expected: that the annotator agrees as often as those do at
    the same |margin|, sigmoid(b |margin|) with b fitted on them, in the annotator's domains.

    Returns the annotator's pairs that count, and the difference; None with too few prompts.
    """
    own = (comparisons["annotator"] == annotator).to_numpy()
    own, _ = comparable(comparisons, own)
    domains = comparisons["domain"][own].value_counts()
    known = comparisons["domain"][outside].value_counts()
    weight = comparisons["domain"].map(domains / known).fillna(0.0).to_numpy()
    theirs = outside & (weight > 0)
    prompts = comparisons["prompt_id"]
    if min(prompts[own].nunique(), prompts[theirs].nunique()) < settings.min_prompts:
        return None
    scale = slope(margins[theirs], prompts[theirs], weight[theirs]).estimate
    agree = correct(margins)
    excess = agree - expit(scale * np.abs(margins))
    mine = mean(excess[own], prompts[own])
    gap = mine.minus(mean(excess[theirs], prompts[theirs], weight[theirs]))
    share = float(agree[own].mean())
    return own, Difference(annotator, "agreement", share, share - gap.estimate, gap)


def from_votes(votes: pd.DataFrame, annotator: str, min_prompts: int) -> Difference | None:
    """Agreement with the others' votes on the same items, minus the others' own agreement there."""
    mine = votes[votes["annotator"] == annotator]
    if mine["prompt_id"].nunique() < min_prompts:
        return None
    gap = mean(mine["agree"] - mine["others_agree"], mine["prompt_id"])
    share, others = float(mine["agree"].mean()), float(mine["others_agree"].mean())
    return Difference(annotator, "agreement", share, others, gap)
