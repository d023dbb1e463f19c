"""The figures that the gate judges, each with its interval, and the report that holds them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rewardgate.intervals import Interval, clustered_mean, independent_difference
from rewardgate.metrics import Scored, correct, prompt_weights, summary

MATCHED_LENGTH = 0.1
"""Two responses are of one length if their word counts differ by at most this share of the
larger."""

Figure = dict[str, Any]
"""An Interval as a dict: estimate, low, high, prompts, pairs."""


def evaluation_report(
    scored: Mapping[str, Scored],
    temperature: float,
    score_std: float,
    bins: int,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """What `evaluate` reports of the sets `test`, `eval` and `train`.

    Each set has its `summary`; the test set also has `figures`, the ones with an interval.
    """
    report = {name: summary(one, temperature, score_std, bins) for name, one in scored.items()}
    test, train = scored["test"].pairs, scored["train"].pairs
    gap = independent_difference(
        correct(train["margin"]),
        train["prompt_id"],
        correct(test["margin"]),
        test["prompt_id"],
        resamples,
        seed,
    )
    report["test"]["figures"] = {
        **held_out_figures(scored["test"], temperature, resamples, seed),
        "train_minus_test_accuracy": asdict(gap),
    }
    return {**report, "train_minus_test_accuracy": gap.estimate}


def held_out_figures(
    scored: Scored, temperature: float, resamples: int, seed: int
) -> dict[str, Any]:
    """Figures of the test set; None where it has no pair of the kind.

    adverse_accuracy: on pairs whose chosen response has fewer words
    length_matched_accuracy: on pairs whose word counts differ by at most MATCHED_LENGTH
    longest_wins: what "the one with more words is better" would reach
    """
    pairs, words = scored.pairs, scored.responses["words"].to_numpy()
    ours, theirs = words[pairs["chosen"]], words[pairs["rejected"]]
    matched = np.abs(ours - theirs) <= MATCHED_LENGTH * np.maximum(ours, theirs)
    hits = correct(pairs["margin"])
    weights = prompt_weights(pairs["prompt_id"])

    def mean(values: np.ndarray, chosen: ArrayLike, weighted: bool = False) -> Figure | None:
        chosen = np.asarray(chosen, dtype=bool)
        if not chosen.any():
            return None
        interval: Interval = clustered_mean(
            values[chosen],
            weights[chosen] if weighted else None,
            pairs["prompt_id"][chosen],
            resamples,
            seed,
        )
        return asdict(interval)

    every = np.ones(len(pairs), dtype=bool)
    margins = pairs["margin"].to_numpy(dtype=float) / temperature
    domain = pairs["domain"].astype(str)
    return {
        "accuracy": mean(hits, every),
        "accuracy_per_prompt": mean(hits, every, weighted=True),
        "margin_bt_logits": mean(margins, every),
        "adverse_accuracy": mean(hits, pairs["longer"] < 0),
        "length_matched_accuracy": mean(hits, matched),
        "longest_wins": mean(correct(pairs["longer"]), every),
        "domains": {
            name: {
                "accuracy": mean(hits, domain == name),
                "margin_bt_logits": mean(margins, domain == name),
            }
            for name in sorted(pd.unique(domain))
        },
    }


def headline(report: dict[str, Any]) -> dict[str, Any]:
    """The few figures of an `evaluation_report` that one experiment is compared with another by.

    All of the test split: accuracy with its 95 % interval, accuracy where the chosen response is
    the shorter (None without such pairs), mean margin in BT logits after the temperature,
    calibration error, accuracy on training prompts minus that on the test split, and accuracy by
    domain.
    """
    test = report["test"]
    figures = test["figures"]
    adverse = figures["adverse_accuracy"]
    return {
        "accuracy": test["accuracy"],
        "accuracy_low": figures["accuracy"]["low"],
        "accuracy_high": figures["accuracy"]["high"],
        "accuracy_chosen_shorter": adverse["estimate"] if adverse else None,
        "margin_bt_logits": test["margin"]["mean_bt_logits"],
        "calibration_error": test["expected_calibration_error"],
        "train_minus_test": report["train_minus_test_accuracy"],
        "domains": {name: domain["accuracy"] for name, domain in test["domains"].items()},
    }
