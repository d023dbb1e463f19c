"""The data and its annotators, examined before a model learns from them."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from rewardgate.audit.bias import Measured, slope
from rewardgate.audit.comparisons import comparisons_of
from rewardgate.audit.consensus import cross_fitted_margins, features_of
from rewardgate.audit.noise import consistency, noise_from_margins, noise_from_repeats
from rewardgate.audit.others import against_others
from rewardgate.audit.overlap import skills, votes_of
from rewardgate.canonical import UNKNOWN_ANNOTATOR
from rewardgate.errors import RewardGateError
from rewardgate.intervals import Interval, clustered_mean
from rewardgate.metrics import correct
from rewardgate.settings import Audit

Figure = dict[str, Any]


def audit(
    responses: pd.DataFrame,
    settings: Audit,
    resamples: int,
    seed: int,
    safety_domains: Sequence[str] = (),
) -> dict[str, Any]:
    """Report on the canonical table `responses`; figures are Intervals as dicts, or None.

    safety_domains: domains where a refusal may be the right answer

    figures, for the gate:
      worst_agreement: of the annotator who agrees least with the consensus of the others
      label_noise: share of flipped labels by `noise_from_margins`
      repeat_noise: share of wrong labels by `noise_from_repeats`, close calls included
      length_bias: BT logits per standard deviation of length, mean of annotators by their share
      longer_chosen, first_listed: share of comparisons won by the longer, the first listed response
      refusal_chosen: share of comparisons of a refusal with an answer that the refusal wins,
        outside the safety domains; None without such comparisons
      refusal_chosen_at_least: the lower end of that; 0 where there are too few to say
      anomalous_share: share of comparisons by annotators who are named in `anomalous`
      contradicted_share: of the text pairs that were compared more than once
      cycle_share: of prompts with a cycle among their comparisons
    consensus: `agreement`, how often a model cross-fitted on all annotators agrees with them
    annotators: the same by annotator, and `agreement_by`: model or others; `anomalies`
    notes: what could not be said, and why

    Raises RewardGateError if no ranking orders any two responses.
    """
    comparisons = comparisons_of(responses)
    if comparisons.empty:
        raise RewardGateError("the rankings hold ties only; give two ranks or more to compare")
    features, prompt_ids = features_of(responses), comparisons["prompt_id"]
    nobody = np.zeros(len(comparisons), dtype=bool)
    pooled = cross_fitted_margins(features, comparisons, nobody, seed)

    share = partial(_share, resamples=resamples, seed=seed)
    compared = against_others(comparisons, features, settings, seed)
    skill = skills(votes_of(comparisons)).to_dict()
    annotators, slopes = {}, []
    for name, rows in comparisons.groupby("annotator", sort=True):
        ranked = responses[responses["annotator"] == name]
        length = slope(rows["longer_by"], rows["prompt_id"])
        slopes.append((len(rows) / len(comparisons), length))
        one, own = compared[str(name)], consistency(rows)
        annotators[str(name)] = {
            "rankings": int(ranked["ranking_id"].nunique()),
            "prompts": int(ranked["prompt_id"].nunique()),
            "pairs": len(rows),
            "share": len(rows) / len(comparisons),
            "agreement": None if one.agree is None else share(one.agree, "agree"),
            "agreement_by": one.agreement_by,
            "expected_agreement": one.expected_agreement,
            "skill": skill.get(name),
            "length_bias": asdict(length.interval()),
            "longer_chosen": share(rows, "longer"),
            "first_listed": share(rows, "first_listed"),
            **{key: value for key, value in own.items() if key != "examples"},
            "anomalies": one.anomalies,
        }
    judged = {name: one["agreement"] for name, one in annotators.items() if one["agreement"]}
    worst = min(judged, key=lambda name: judged[name]["estimate"]) if judged else None
    anomalous = sorted(name for name, one in compared.items() if one.anomalies)
    whole = consistency(comparisons)
    outside = comparisons[~comparisons["domain"].isin(safety_domains)]
    refusals = share(outside, "refusal_chosen")
    noise = noise_from_margins(pooled, prompt_ids, seed)
    repeats = noise_from_repeats(comparisons, resamples, seed)
    return {
        "figures": {
            "worst_agreement": judged[worst] if worst else None,
            "label_noise": None if noise is None else asdict(noise),
            "repeat_noise": None if repeats is None else asdict(repeats),
            "length_bias": asdict(_weighted(slopes, comparisons)),
            "longer_chosen": share(comparisons, "longer"),
            "first_listed": share(comparisons, "first_listed"),
            "refusal_chosen": refusals,
            "refusal_chosen_at_least": (refusals or {}).get("low") or 0.0,
            "anomalous_share": float(sum(annotators[name]["share"] for name in anomalous)),
            "contradicted_share": whole["contradicted_share"],
            "cycle_share": whole["cycle_share"],
        },
        "worst_annotator": worst,
        "anomalous": [
            {"annotator": name, "reasons": [one["reason"] for one in compared[name].anomalies]}
            for name in anomalous
        ],
        "consensus": {"agreement": share(comparisons.assign(agree=correct(pooled)), "agree")},
        "consistency": whole,
        "annotators": annotators,
        "notes": _notes(annotators, noise, comparisons),
    }


def _share(rows: pd.DataFrame, column: str, resamples: int, seed: int) -> Figure | None:
    """Mean of a column over the comparisons where it is known; None where it never is."""
    known = rows[rows[column].notna()]
    if known.empty:
        return None
    return asdict(clustered_mean(known[column], None, known["prompt_id"], resamples, seed))


def _weighted(slopes: list[tuple[float, Measured]], comparisons: pd.DataFrame) -> Interval:
    return Measured(
        sum(share * one.estimate for share, one in slopes),
        float(np.sqrt(sum((share * one.error) ** 2 for share, one in slopes))),
        int(comparisons["prompt_id"].nunique()),
        len(comparisons),
    ).interval()


def _notes(
    annotators: dict[str, Any], noise: Interval | None, comparisons: pd.DataFrame
) -> list[str]:
    notes = []
    if list(annotators) == [UNKNOWN_ANNOTATOR]:
        notes.append("no record names its annotator: all count as one")
    if len(annotators) == 1:
        notes.append("one annotator: nothing to compare with")
    if len(annotators) == 2:
        notes.append("two annotators: where they disagree, nothing here tells which is wrong")
    unjudged = [name for name, one in annotators.items() if one["agreement"] is None]
    if unjudged and len(annotators) > 1:
        notes.append(
            f"{', '.join(unjudged)}: agreement not judged, too few prompts in domains that others "
            f"rank too"
        )
    if noise is None:
        notes.append("label noise: the consensus model is no better than chance, so unknown")
    if comparisons["first_listed"].isna().any():
        sources = sorted(comparisons.loc[comparisons["first_listed"].isna(), "source"].unique())
        notes.append(
            f"{', '.join(sources)}: responses are listed by rank, so the order in which annotators "
            f"saw them is unknown"
        )
    return notes
