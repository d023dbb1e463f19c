"""Champion against challenger: the promoted model and the candidate on the same prompts."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from rewardgate.figures import Figure
from rewardgate.intervals import clustered_mean, paired_difference
from rewardgate.metrics import Scored, correct


def compare(
    ours: Scored,
    our_temperature: float,
    theirs: Scored,
    their_temperature: float,
    our_stress: Sequence[dict[str, Any]],
    their_stress: Sequence[dict[str, Any]],
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """Candidate minus champion on the same pairs and stress cases, with paired intervals.

    Margins are in BT logits, each over its own model's temperature, so neither architecture nor
    the scale of the scores plays a part. Stress outcomes are those of `stress.run_stress`, their
    unit is the case.
    Raises ValueError if the two were not scored on the same pairs.
    """
    pairs = ours.pairs
    if not pairs[["chosen", "rejected"]].equals(theirs.pairs[["chosen", "rejected"]]):
        raise ValueError("candidate and champion were scored on different pairs")
    hits = {"ours": correct(pairs["margin"]), "theirs": correct(theirs.pairs["margin"])}
    logits = {
        "ours": pairs["margin"].to_numpy(dtype=float) / our_temperature,
        "theirs": theirs.pairs["margin"].to_numpy(dtype=float) / their_temperature,
    }
    domain = pairs["domain"].astype(str)

    def difference(values: dict[str, np.ndarray], chosen: Any) -> Figure:
        prompts = pairs["prompt_id"][chosen]
        a, b = values["ours"][chosen], values["theirs"][chosen]
        return asdict(paired_difference(a, b, None, prompts, resamples, seed))

    every = np.ones(len(pairs), dtype=bool)
    return {
        "champion_figures": {
            name: asdict(clustered_mean(v["theirs"], None, pairs["prompt_id"], resamples, seed))
            for name, v in (("accuracy", hits), ("margin_bt_logits", logits))
        },
        "difference": {
            "accuracy": difference(hits, every),
            "margin_bt_logits": difference(logits, every),
            "domains": {
                name: {
                    "accuracy": difference(hits, (domain == name).to_numpy()),
                    "margin_bt_logits": difference(logits, (domain == name).to_numpy()),
                }
                for name in sorted(pd.unique(domain))
            },
            "stress": _stress_differences(our_stress, their_stress, resamples, seed),
        },
    }


def _stress_differences(
    ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]], resamples: int, seed: int
) -> dict[str, dict[str, Figure]]:
    """By family: share of cases kept in order, candidate minus champion."""
    key = ["family", "case"]
    frames = [pd.DataFrame(list(one))[[*key, "passed"]] for one in (ours, theirs)]
    both = frames[0].merge(frames[1], on=key, validate="one_to_one")
    return {
        str(family): {
            "passed": asdict(
                paired_difference(
                    rows["passed_x"], rows["passed_y"], None, rows["case"], resamples, seed
                )
            )
        }
        for family, rows in both.groupby("family", sort=False)
    }
