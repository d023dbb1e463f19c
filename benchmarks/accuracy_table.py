"""Accuracy of judges on the same held-out pairs, with prompt-clustered intervals, as a table."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from rewardgate.intervals import Interval, clustered_mean, paired_difference
from rewardgate.metrics import Scored, prompt_weights

RESAMPLES = 10_000
WIDTH = 240

Floats = NDArray[np.float64]


def figures(scored: Scored, seed: int) -> dict[str, Any]:
    """Accuracies of one judge, each with its 95 % interval over prompts; JSON-able.

    A tie of scores, or of lengths in `longest_wins`, counts one half. A length-adverse pair is one
    whose chosen response has fewer words than the rejected one.
    """
    pairs = scored.pairs
    correct = half_counted(pairs["margin"])
    longest = half_counted(pairs["longer"])
    prompt = pairs["prompt_id"]

    def of(inside: NDArray[np.bool_]) -> dict[str, Any] | None:
        if not inside.any():
            return None
        return asdict(clustered_mean(correct[inside], None, prompt[inside], RESAMPLES, seed))

    everywhere = np.ones(len(pairs), dtype=bool)
    adverse = (pairs["longer"] < 0).to_numpy()
    weights = prompt_weights(prompt)
    return {
        "accuracy": of(everywhere),
        "accuracy_per_prompt": asdict(clustered_mean(correct, weights, prompt, RESAMPLES, seed)),
        "adverse_accuracy": of(adverse),
        "longest_wins": float(longest.mean()),
        "minus_longest_wins": asdict(
            paired_difference(correct, longest, None, prompt, RESAMPLES, seed)
        ),
        "domains": {
            str(domain): {
                "accuracy": of(inside),
                "adverse_accuracy": of(inside & adverse),
                "longest_wins": float(longest[inside].mean()),
            }
            for domain in sorted(pairs["domain"].unique())
            for inside in [(pairs["domain"] == domain).to_numpy()]
        },
    }


def half_counted(margins: pd.Series) -> Floats:
    """1 where the margin (p,) is above 0, one half where it is 0, else 0."""
    return (np.sign(margins.to_numpy(dtype=float)) + 1) / 2


def print_tables(rows: Sequence[dict[str, Any]], console: Console) -> None:
    """Print the rows as two Markdown tables: overall, and by domain. Percentages throughout."""
    if not rows:
        return
    overall = Table(box=box.MARKDOWN)
    for heading in ("config", "accuracy", "every prompt alike", "length-adverse pairs",
                    "minus longest wins", "training prompts", "minutes"):  # fmt: skip
        overall.add_column(heading, no_wrap=True)
    for row in rows:
        overall.add_row(
            row["config"],
            *(cell(row[key]) for key in ("accuracy", "accuracy_per_prompt", "adverse_accuracy")),
            cell(row["minus_longest_wins"], signed=True),
            str(row["account"].get("prompts", "")),
            "" if row["minutes"] is None else f"{row['minutes']:.1f}",
        )
    domains = list(rows[0]["domains"])
    by_domain = Table(box=box.MARKDOWN)
    for heading in ("config", *domains):
        by_domain.add_column(heading, no_wrap=True)
    for row in rows:
        by_domain.add_row(
            row["config"], *(cell(row["domains"][name]["accuracy"]) for name in domains)
        )
    heading = f"accuracy in %, [95 % interval over prompts]; {counts(rows[0])}"
    console.print(heading, markup=False, soft_wrap=True)
    console.print(overall)
    console.print(by_domain)


def counts(row: dict[str, Any]) -> str:
    """How many pairs and prompts the figures of a row are of."""
    parts = {"all": row["accuracy"], "length-adverse": row["adverse_accuracy"]}
    parts |= {name: at["accuracy"] for name, at in row["domains"].items()}
    return "; ".join(
        f"{name}: {at['pairs']} pairs of {at['prompts']} prompts"
        for name, at in parts.items()
        if at
    )


def cell(interval: dict[str, Any] | None, signed: bool = False) -> str:
    """An interval in per cent."""
    if interval is None:
        return "no pair"
    at = Interval(**interval)
    sign = "+" if signed else ""
    estimate = f"{100 * at.estimate:{sign}.1f}"
    if at.low is None or at.high is None:
        return f"{estimate} (one prompt)"
    return rf"{estimate} \[{100 * at.low:{sign}.1f}, {100 * at.high:{sign}.1f}]"
