"""Every annotator against the others, until nobody is left who differs beyond chance."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pandas as pd
from scipy import sparse

from rewardgate.audit.anomalies import Difference, differences, from_margins, from_votes
from rewardgate.audit.consensus import cross_fitted_margins
from rewardgate.audit.overlap import skills, votes_of, with_agreement
from rewardgate.intervals import holm
from rewardgate.metrics import correct
from rewardgate.settings import Audit

GROUPS = 8
"""Consensus models at most: more annotators than these are left out several at a time."""
OVERLAP_SHARE = 0.5
"""Share of an annotator's comparisons that others must have made for them to be the consensus."""


@dataclass
class Compared:
    """An annotator beside the others.

    agree: 1, 0.5 or 0 a comparison, with its prompt_id; None where agreement is not judged
    agreement_by: whether the others' own votes or a model of them are the consensus
    """

    agree: pd.DataFrame | None = None
    agreement_by: Literal["model", "others"] | None = None
    differences: list[Difference] = field(default_factory=list)
    anomalies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def expected_agreement(self) -> float | None:
        """What the others' agreement makes of the same comparisons."""
        return next((one.others for one in self.differences if one.kind == "agreement"), None)


def against_others(
    comparisons: pd.DataFrame, features: sparse.csr_matrix, settings: Audit, seed: int
) -> dict[str, Compared]:
    """Every annotator beside the others, those who are named apart from them.

    All are tested; of those that Holm's procedure finds at `settings.alpha`, the one furthest
    beyond the tolerance is named and their comparisons are put aside, and the rest are tested
    again, so that sound annotators are not measured by a defective one. Of two annotators both
    are named, since nothing tells which is wrong. Where nobody differs by more than is tolerated,
    somebody is named with a probability of alpha at most, as later rounds follow a first alarm.
    """
    named: dict[str, Compared] = {}
    rest = comparisons
    while True:
        found = _one_round(rest, features, settings, seed)
        tests = [one for compared in found.values() for one in compared.differences]
        for one, p in zip(tests, holm([one.p(settings) for one in tests]), strict=True):
            if p < settings.alpha:
                found[one.annotator].anomalies.append(
                    {
                        "kind": one.kind,
                        "reason": one.reason(),
                        "difference": asdict(one.difference.interval()),
                        "p": float(p),
                    }
                )
        suspects = {name for name, one in found.items() if one.anomalies}
        if not suspects or len(found) <= 2:
            return named | found
        beyond = {
            name: max(one.beyond(settings) for one in found[name].differences) for name in suspects
        }
        worst = max(sorted(suspects), key=lambda name: beyond[name])
        named[worst] = found[worst]
        rest = rest[rest["annotator"] != worst].reset_index(drop=True)


def _one_round(
    comparisons: pd.DataFrame, features: sparse.csr_matrix, settings: Audit, seed: int
) -> dict[str, Compared]:
    sizes = comparisons["annotator"].value_counts()
    order = sorted(sizes.index, key=lambda name: (-sizes[name], name))
    found = {name: Compared() for name in order}
    if len(order) < 2:
        return found
    votes = votes_of(comparisons)
    votes = with_agreement(votes, skills(votes))
    shared = comparisons["item"].isin(votes["item"]).groupby(comparisons["annotator"]).mean()
    for group in range(min(GROUPS, len(order))):
        members = order[group::GROUPS]
        inside = comparisons["annotator"].isin(members).to_numpy()
        margins = None
        for name in members:
            one = found[name]
            if shared[name] >= OVERLAP_SHARE:
                gap = from_votes(votes, name, settings.min_prompts)
                if gap:
                    one.agree = votes.loc[votes["annotator"] == name, ["prompt_id", "agree"]]
                    one.agreement_by = "others"
                    one.differences.append(gap)
            else:
                if margins is None:
                    margins = cross_fitted_margins(features, comparisons, inside, seed)
                judged = from_margins(comparisons, name, margins, ~inside, settings)
                if judged:
                    own, gap = judged
                    one.agree = comparisons.loc[own, ["prompt_id"]].assign(
                        agree=correct(margins[own])
                    )
                    one.agreement_by = "model"
                    one.differences.append(gap)
            one.differences += differences(comparisons, name, settings)
    return found
