"""What came of it, as rows of figures and as a self-contained page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.over_optimisation.pieces import Question
from benchmarks.over_optimisation.plot import inline_svg
from benchmarks.over_optimisation.training import Recipe
from rewardgate import wording
from rewardgate.intervals import clustered_mean
from rewardgate.report import TEMPLATES

TEMPLATE = Path(__file__).parent / "page.html"
RESAMPLES = 10_000

SAMPLES = 5
"""Prompts to read, one a domain."""

TITLES = ["reward model", "policy", "reward (sd)", "true worth", "words", "right only", "KL (nats)"]


def summary(judged: pd.DataFrame, kl: float) -> dict[str, Any]:
    """Means over one response to each prompt, see `training.judge`; gold with its interval."""
    return {
        "reward": float(judged["reward"].mean()),
        "gold": vars(clustered_mean(judged["gold"], None, judged.index, RESAMPLES, seed=0)),
        "words": float(judged["words"].mean()),
        "right": float(judged["right"].mean()),
        "kl": kl,
    }


def cells(row: Mapping[str, Any]) -> list[str]:
    """A row of the table in the terminal, under `TITLES`."""
    gold = row["gold"]
    interval = "" if gold["low"] is None else f" [{gold['low']:.2f}, {gold['high']:.2f}]"
    return [
        row["model"],
        row["policy"],
        wording.signed(row["reward"]),
        f"{gold['estimate']:.2f}{interval}",
        wording.figure(row["words"], 0),
        wording.percent(row["right"], 0),
        wording.figure(row["kl"], 1),
    ]


def render(
    recipe: Recipe,
    curves: Mapping[str, pd.DataFrame],
    rows: Sequence[Mapping[str, Any]],
    versions: Mapping[str, str],
    held_out: Sequence[Question],
    judged: Mapping[tuple[str, str], pd.DataFrame],
) -> str:
    """The page; judged: responses to `held_out` by name of the reward model and policy."""
    samples = [
        {
            "domain": question.domain,
            "prompt": question.prompt,
            "start": {name: judged[name, "start"].loc[number].to_dict() for name in curves},
            "end": {name: judged[name, "end"].loc[number].to_dict() for name in curves},
        }
        for number, question in enumerate(held_out[:SAMPLES])
    ]
    return TEMPLATES.from_string(TEMPLATE.read_text("utf-8")).render(
        recipe=recipe,
        plot=inline_svg(curves),
        prompts=len(held_out),
        rows=rows,
        versions=versions,
        samples=samples,
    )
