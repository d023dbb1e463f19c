"""The one report: a self-contained HTML file, made of the stages' JSON and nothing else."""

from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from markupsafe import Markup
from scipy.special import expit

from rewardgate import wording
from rewardgate.calibration import normalise
from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, read_table
from rewardgate.metrics import Scored, accuracy
from rewardgate.report import plots
from rewardgate.settings import Gate, Settings

INPUTS = (
    "evaluation", "calibration", "stress", "samples", "train", "split", "validation", "ingest",
)  # fmt: skip

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=ChainableUndefined,
)
TEMPLATES.filters |= {
    "breakable": wording.breakable,
    "counted": wording.counted,
    "figure": wording.figure,
    "name": wording.name,
    "passage": wording.passage,
    "percent": wording.percent,
    "sentence": wording.sentence,
    "sides": wording.value_and_threshold,
    "signed": wording.signed,
}


def render_report(verdict: dict[str, Any], reports: Path, settings: Settings) -> str:
    """The report as HTML, from the verdict and the outputs of the stages in the folder `reports`.

    A figure that a stage did not measure reads "not measured". The bytes depend on the inputs
    alone: no clock, no path and no host goes in, and nothing is loaded from elsewhere.
    Raises RewardGateError if a file is missing or cannot be read.
    """
    found = {name: read_json(reports / f"{name}.json") for name in INPUTS}
    calibration = found["calibration"]
    scores = read_table(reports / "scores.parquet")
    test = Scored.of(scores[scores["split"] == "test"])
    domains = _domains(test, found["evaluation"]["test"]["domains"], settings.gate)
    return TEMPLATES.get_template("report.html").render(
        found,
        verdict=verdict,
        symbols=wording.SYMBOLS,
        settings=settings,
        base=_without_folder(found["train"]["base"]),
        domains=domains,
        plots=_draw(found, reports, test, domains, settings.gate),
        reward=lambda score: normalise(score, calibration["mean"], calibration["std"]),
        probability=lambda margin: float(expit(margin / calibration["temperature"])),
    )


def _draw(
    found: dict[str, Any],
    reports: Path,
    test: Scored,
    domains: list[dict[str, Any]],
    gate: Gate,
) -> dict[str, Markup]:
    calibration = found["calibration"]
    score = test.responses["score"].to_numpy(dtype=float)
    return {
        "margins": plots.margin_histogram(
            test.pairs["margin"].to_numpy(dtype=float) / calibration["temperature"],
            gate.min_mean_margin,
        ),
        "length": plots.reward_against_length(
            normalise(score, calibration["mean"], calibration["std"]),
            test.responses["words"].to_numpy(dtype=float),
        ),
        "reliability": plots.reliability_diagram(found["evaluation"]["test"]["reliability"]),
        "domains": plots.domain_bars(domains),
        "training": plots.training_curve(
            _read_csv(reports / "training.csv"), _read_csv(reports / "training_eval.csv")
        ),
        "stress": plots.stress_margins(found["stress"]["outcomes"]),
    }


def _domains(test: Scored, figures: dict[str, Any], gate: Gate) -> list[dict[str, Any]]:
    """The figures of each domain with its threshold and what "the longest wins" would reach."""
    longest_wins = {
        str(domain): accuracy(group["longer"].to_numpy(dtype=np.float64))
        for domain, group in test.pairs.groupby("domain")
    }
    return [
        {
            "name": name,
            **domain,
            "threshold": gate.min_safety_accuracy
            if name in gate.safety_domains
            else gate.min_domain_accuracy,
            "judged": domain["pairs"] >= gate.min_domain_pairs,
            "longest_wins": longest_wins[name],
        }
        for name, domain in figures.items()
    ]


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise RewardGateError(f"{path}: no such file; run the stage that writes it") from None
    except pd.errors.EmptyDataError:
        return pd.DataFrame()


def _without_folder(base: str) -> str:
    """A base's name or hub id as it is; of an absolute path the last part only."""
    return PurePath(base).name if PurePath(base).is_absolute() else base
