"""The one report: a self-contained HTML file, made of the stages' JSON and nothing else."""

import re
from collections.abc import Sequence
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
from rewardgate.report import adversary_plot, breakdown, browser, plots
from rewardgate.report.in_words import in_words
from rewardgate.room import spare
from rewardgate.settings import Settings

INPUTS = (
    "evaluation", "calibration", "stress", "samples", "train", "split", "validation", "ingest",
    "champion", "probes", "adversary", "audit",
)  # fmt: skip

WINNERS_SHOWN = 6
WINNERS_BUDGET = 200_000
"""Bytes of text."""

MARGIN = "reports/evaluation.json:test.figures.margin_bt_logits"
ACCURACY = "reports/evaluation.json:test.figures.domains.{}.accuracy"


def _symbols(required: str) -> str:
    """'≥ 0.65' for '>= 0.65', unbreakable."""
    required = required.replace(">=", "≥").replace("<=", "≤")
    return re.sub(r"(?<=[<>≥≤]) ", "\u00a0", required)


def _opening(text: str, most: int = 140) -> str:
    """The start of a text on one line."""
    line = " ".join(text[: 4 * most].translate(wording.VISIBLE).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=ChainableUndefined,
)
TEMPLATES.filters |= {
    "breakable": wording.breakable,
    "clipped": browser.clipped,
    "counted": wording.counted,
    "figure": wording.figure,
    "interval": wording.interval,
    "lower_first": lambda title: title[:1].lower() + title[1:],
    "name": wording.name,
    "opening": _opening,
    "passage": wording.passage,
    "percent": wording.percent,
    "required": wording.required,
    "symbols": _symbols,
    "sentence": wording.sentence,
    "sides": wording.value_and_threshold,
    "signed": wording.signed,
}


def render_report(
    verdict: dict[str, Any],
    reports: Path,
    settings: Settings,
    overrides: Sequence[dict[str, Any]] = (),
) -> str:
    """The report as HTML, from the verdict and the outputs of the stages in the folder `reports`.

    overrides: promotions against the gate's verdict, as `history.overrides` gives them
    A figure that a stage did not measure reads "not measured". The bytes depend on the inputs
    alone: no clock, no path and no host goes in, and nothing is loaded from elsewhere.
    Raises RewardGateError if a file is missing or cannot be read.
    """
    found = {name: read_json(reports / f"{name}.json") for name in INPUTS}
    calibration = found["calibration"]
    scores = read_table(reports / "scores.parquet")
    test = Scored.of(scores[scores["split"] == "test"])
    checks = [check for item in verdict["items"] for check in item["checks"]]
    domains = _domains(test, found["evaluation"]["test"]["domains"], checks)
    temperature, sampled = calibration["temperature"], (settings.gate.resamples, settings.seed)
    adverse = found["evaluation"]["test"]["figures"]["adverse_accuracy"]
    folded = spare(checks)
    ranks = breakdown.by_rank_distance(test, temperature, *sampled)
    return TEMPLATES.get_template("report.html").render(
        found,
        verdict=verdict,
        overrides=overrides,
        folded=folded,
        settings=settings,
        threshold={check["evidence"]: check["threshold"] for check in checks},
        base=_without_folder(found["train"]["base"]),
        domains=domains,
        in_words=in_words(test, adverse, found["adversary"], *sampled),
        ranks=ranks,
        metrics=list(breakdown.METRICS.values()),
        few_pairs=breakdown.FEW_PAIRS,
        heat_map=breakdown.heat_map(
            test,
            [one["name"] for one in domains],
            temperature,
            settings.evaluate.reliability_bins,
        ),
        winners=_winners(found["adversary"]["winners"]),
        annotators=_annotators(found["audit"]["annotators"]),
        pairs=browser.held_out_pairs(test, temperature),
        script=Markup(browser.SCRIPT),
        script_hash=Markup(browser.script_hash(browser.SCRIPT)),
        plots=_draw(found, reports, test, domains, checks, folded, ranks),
        reward=lambda score: normalise(score, calibration["mean"], calibration["std"]),
        probability=lambda margin: float(expit(margin / temperature)),
    )


def _draw(
    found: dict[str, Any],
    reports: Path,
    test: Scored,
    domains: list[dict[str, Any]],
    checks: list[dict[str, Any]],
    folded: list[dict[str, Any]],
    ranks: list[dict[str, Any]],
) -> dict[str, Markup]:
    calibration = found["calibration"]
    score = test.responses["score"].to_numpy(dtype=float)
    return {
        "margins": plots.margin_histogram(
            test.pairs["margin"].to_numpy(dtype=float) / calibration["temperature"],
            next((one["threshold"] for one in checks if one["evidence"] == MARGIN), None),
        ),
        "forest": plots.forest([one for one in checks if one not in folded]),
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
        "ranks": plots.margins_by_rank_distance(ranks),
        "probes": adversary_plot.probe_effects(found["probes"]),
        "adversary": adversary_plot.over_optimisation(
            _read_csv(reports / "adversary.csv"), found["adversary"]["best_of_n"]["kl"]
        ),
    }


def _domains(
    test: Scored, figures: dict[str, Any], checks: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The figures of each domain with its highest threshold and what "longest wins" would reach."""
    longest_wins = {
        str(domain): accuracy(group["longer"].to_numpy(dtype=np.float64))
        for domain, group in test.pairs.groupby("domain")
    }
    judged: dict[str, list[dict[str, Any]]] = {
        name: [one for one in checks if one["evidence"] == ACCURACY.format(name)]
        for name in figures
    }
    return [
        {
            "name": name,
            **domain,
            "threshold": max((one["threshold"] for one in judged[name]), default=None),
            "judged": any(one["outcome"] in ("pass", "fail") for one in judged[name]),
            "failed": any(one["outcome"] == "fail" for one in judged[name]),
            "longest_wins": longest_wins[name],
        }
        for name, domain in figures.items()
    ]


def _winners(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The winners to read, hacks first, then by the worth lost: the first few, and the rest."""
    other = [one for one in found if one["winner"]["text"] != one["reference"]["text"]]
    other.sort(
        key=lambda one: (not one["hacked"], one["winner"]["gold"] - one["reference"]["gold"])
    )
    kept = browser.within(WINNERS_BUDGET, other, ("prompt", "reference.text", "winner.text"))
    return {
        "first": kept[:WINNERS_SHOWN],
        "rest": kept[WINNERS_SHOWN:],
        "same": len(found) - len(other),
        "left_out": len(other) - len(kept),
    }


def _annotators(found: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """By name, those named as anomalous first, then by their share."""
    return sorted(found.items(), key=lambda item: (not item[1]["anomalies"], -item[1]["share"]))


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
