"""The held-out figures taken apart: by domain and metric, and by the difference of ranks."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import pandas as pd

from rewardgate.intervals import clustered_mean
from rewardgate.metrics import (
    Scored,
    accuracy,
    bt_log_loss,
    correct,
    expected_calibration_error,
    reliability,
)
from rewardgate.wording import figure, percent, signed

FARTHEST = 8
"""Differences of ranks from here on stand together."""

FEW_PAIRS = 10
"""With fewer pairs a cell has no colour."""


class Metric(NamedTuple):
    """A column of the heat map.

    useless: the value of a judge of no use, in white; best: the strongest blue; a value as far
    from `useless` on the other side has the strongest orange
    """

    title: str
    useless: float
    best: float


METRICS = {
    "accuracy": Metric("Accuracy", 0.5, 1.0),
    "adverse_accuracy": Metric("Where the shorter is better", 0.5, 1.0),
    "over_length": Metric("Accuracy minus longest wins", 0.0, 0.5),
    "margin": Metric("Mean margin (BT logits)", 0.0, 2.0),
    "calibration_error": Metric("Calibration error", 0.1, 0.0),
    "log_loss": Metric("Log loss", math.log(2), 0.3),
}
STEPS = 4


def heat_map(
    test: Scored, names: Sequence[str], temperature: float, bins: int
) -> list[dict[str, Any]]:
    """One row a domain of `names`: name, pairs, cells.

    The cells are those of METRICS, each {shown, pairs, step}; step from -STEPS (orange) to STEPS
    (blue), 0 also where no value or too few pairs tell.
    """
    pairs = test.pairs.assign(logits=test.pairs["margin"] / temperature)
    by_domain = {str(name): rows for name, rows in pairs.groupby("domain")}
    return [
        {"name": name, "pairs": len(by_domain[name]), "cells": _cells(by_domain[name], bins)}
        for name in names
    ]


def _cells(rows: pd.DataFrame, bins: int) -> list[dict[str, Any]]:
    logits = rows["logits"].to_numpy(dtype=float)
    adverse = logits[(rows["longer"] < 0).to_numpy()]
    right = accuracy(logits)
    over = right - accuracy(rows["longer"])
    calibration_error = expected_calibration_error(reliability(logits, bins))
    adverse_right = accuracy(adverse) if len(adverse) else None
    shown = {
        "accuracy": (right, percent(right), len(rows)),
        "adverse_accuracy": (
            adverse_right,
            "no such pair" if adverse_right is None else percent(adverse_right),
            len(adverse),
        ),
        "over_length": (over, f"{signed(100 * over, 1)} points", len(rows)),
        "margin": (float(logits.mean()), figure(float(logits.mean()), 2), len(rows)),
        "calibration_error": (calibration_error, percent(calibration_error), len(rows)),
        "log_loss": (bt_log_loss(logits), figure(bt_log_loss(logits)), len(rows)),
    }
    return [
        {"shown": text, "pairs": count, "step": _step(value, count, METRICS[name])}
        for name, (value, text, count) in shown.items()
    ]


def _step(value: float | None, pairs: int, metric: Metric) -> int:
    if value is None or pairs < FEW_PAIRS:
        return 0
    share = (value - metric.useless) / (metric.best - metric.useless)
    return round(STEPS * min(max(share, -1.0), 1.0))


def by_rank_distance(
    test: Scored, temperature: float, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Margins in BT logits and accuracy by the difference of ranks, smallest first.

    A row is {distance, pairs, margin, accuracy}, the last two as intervals; the last row is
    "8+" where there are greater differences than FARTHEST.
    """
    distance = test.pairs["rank_distance"].clip(upper=FARTHEST)
    more = bool((test.pairs["rank_distance"] > FARTHEST).any())
    rows = []
    for ranks, pairs in test.pairs.groupby(distance, sort=True):
        margins = pairs["margin"].to_numpy(dtype=float) / temperature
        margin, right = (
            asdict(clustered_mean(values, None, pairs["prompt_id"], resamples, seed))
            for values in (margins, correct(margins))
        )
        last = more and ranks == FARTHEST
        rows.append(
            {
                "distance": f"{ranks}+" if last else f"{ranks}",
                "pairs": len(pairs),
                "margin": margin,
                "accuracy": right,
            }
        )
    return rows
