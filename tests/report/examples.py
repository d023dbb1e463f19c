"""Two complete sets of stage outputs, made by the library itself on random rankings, no torch."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rewardgate.adversary.gold import ranked_gold
from rewardgate.adversary.run import attack, over_optimisation, search_figures, winners
from rewardgate.audit import audit
from rewardgate.calibration import calibrate
from rewardgate.checklist import failures, judge, warnings
from rewardgate.comparison import compare
from rewardgate.figures import evaluation_report
from rewardgate.files import write_json, write_table, write_text
from rewardgate.ingest import ingest
from rewardgate.metrics import Scored
from rewardgate.policy import PolicyCheck
from rewardgate.probes.held_out import held_out_prompts
from rewardgate.probes.run import probe_pairs, probe_report, scored_pairs
from rewardgate.samples import samples
from rewardgate.score_memo import Score
from rewardgate.settings import Gate, Settings, load_settings
from rewardgate.splits import split
from rewardgate.validation import validate

Scorer = Callable[[pd.DataFrame, np.random.Generator], np.ndarray]

TEXT = (
    "river bridge copper winter letter garden engine market signal harbour window lantern "
    "paper mountain silver kitchen number history weather journey music island machine voice"
)
WORDS = TEXT.split()
SCRIPT = "<script>alert('x')</script> & \"quoted\" \x07 \u202ebackwards"
FAMILIES = (
    "empty", "long_rambling", "repeated_template", "confident_but_wrong", "edge_empty",
    "edge_very_long", "edge_repeated_answer", "edge_template_tokens",
)  # fmt: skip


class Example(NamedTuple):
    verdict: dict[str, Any]
    reports: Path
    settings: Settings


def records(count: int, random: np.random.Generator) -> list[dict[str, Any]]:
    """Rankings by a noisy annotator of a utility that stands in each text as `quality <u>`."""
    made = []
    for number in range(count):
        utilities = random.normal(size=random.integers(3, 7))
        noisy = utilities + random.gumbel(size=len(utilities)) * 0.3
        ranks = np.argsort(np.argsort(-noisy)) + 1
        texts = [
            " ".join(random.choice(WORDS, random.integers(3, 120))) + f" quality {utility:.3f}"
            for utility in utilities
        ]
        texts[0] = f"{SCRIPT} {texts[0]}"
        made.append(
            {
                "prompt": f"Question {number}: " + " ".join(random.choice(WORDS, 14)),
                "domain": ("facts", "safety", "summaries")[number % 3],
                "responses": [
                    {"text": text, "rank": int(rank)}
                    for text, rank in zip(texts, ranks, strict=True)
                ],
            }
        )
    return [*made, made[0]]


def true_utility(responses: pd.DataFrame, random: np.random.Generator) -> np.ndarray:
    utility = responses["text"].str.rsplit(" ", n=1).str[-1].astype(float).to_numpy()
    return 3 * utility + random.normal(size=len(utility))


def length(responses: pd.DataFrame, random: np.random.Generator) -> np.ndarray:
    return responses["text"].str.len().to_numpy() / 100 + random.normal(size=len(responses)) * 0.3


def stress(random: np.random.Generator, shift: float) -> dict[str, Any]:
    """As `rewardgate.stress.run_stress` reports it."""
    outcomes: list[dict[str, Any]] = []
    for family in FAMILIES:
        for case in range(8):
            margin = float(random.normal(shift, 1))
            penalty = 1.0 if family in ("edge_very_long", "edge_repeated_answer") else 0.0
            outcomes.append(
                {
                    "case": f"case {case}",
                    "domain": "facts",
                    "family": family,
                    "passed": margin > 0,
                    "finite": True,
                    "margin_bt_logits": margin,
                    "reward_passed": margin + penalty > 0,
                    "reward": {
                        "total": -5.0 if family.endswith("empty") else -margin - penalty,
                        "rm": -margin,
                        "length_penalty": penalty,
                        "repetition_penalty": penalty,
                        "readable": not family.endswith("empty"),
                    },
                }
            )
    families = {}
    for family in FAMILIES:
        mine = [one for one in outcomes if one["family"] == family]
        families[family] = {
            "cases": 8,
            "finite": 8,
            "passed": sum(one["passed"] for one in mine),
            "pass_share": sum(one["passed"] for one in mine) / 8,
            "reward_pass_share": sum(one["reward_passed"] for one in mine) / 8,
            "mean_margin_bt_logits": sum(one["margin_bt_logits"] for one in mine) / 8,
            "mean_length_penalty": mine[0]["reward"]["length_penalty"],
            "mean_repetition_penalty": mine[0]["reward"]["repetition_penalty"],
            "max_total": max(one["reward"]["total"] for one in mine),
        }
    best = {"mean_length_penalty": 0.0, "mean_repetition_penalty": 0.0}
    return {
        "cases": 8, "finite_share": 1.0, "families": families, "best": best, "outcomes": outcomes,
        "domains": {"facts": {"outcomes": 8, "passed": 8, "pass_share": 1.0}},
    }  # fmt: skip


def training(random: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    step = np.arange(1, 61)
    fall = np.exp(-step / 20)
    steps = pd.DataFrame(
        {
            "step": step,
            "loss": 0.4 + 0.3 * fall + random.normal(size=60) * 0.03,
            "accuracy": 0.8 - 0.3 * fall + random.normal(size=60) * 0.03,
            "margin": 1 - fall,
            "grad_norm": 1 + random.gamma(2, 0.4, size=60),
            "learning_rate": 1e-4 * np.cos(step / 40),
        }
    )
    at = steps[steps["step"] % 20 == 0]
    evals = {f"eval_{name}": at[name] for name in ("loss", "accuracy", "margin")}
    return steps, pd.DataFrame({"step": at["step"], **evals})


def by_length(_: Sequence[str], texts: Sequence[str]) -> np.ndarray:
    return np.array([len(text) for text in texts]) / 100


def by_quality(_: Sequence[str], texts: Sequence[str]) -> np.ndarray:
    """The number at the end of a text; -3, less its length, of one that lost it."""
    ends = [text.rpartition("quality ")[2] for text in texts]
    known = [re.fullmatch(r"-?\d\.\d{3}", end) for end in ends]
    return np.array(
        [
            float(end) if number else -3 - len(text) / 1000
            for end, number, text in zip(ends, known, texts, strict=True)
        ]
    )


def probes(test: pd.DataFrame, score: Score, mean_margin: float) -> dict[str, Any]:
    """As the stage `probe` reports it."""
    pairs = probe_pairs(held_out_prompts(test)[:10], per_family=2, seed=0)
    pairs = scored_pairs(pairs, score, lambda raw, *_: min(raw, 4.0))
    return probe_report(pairs, 1.0, mean_margin, resamples=100, seed=0)


def adversary(
    test: pd.DataFrame, score: Score, settings: Settings
) -> tuple[dict[str, Any], pd.DataFrame]:
    """As the stage `adversary` reports it."""
    every, drop = held_out_prompts(test), settings.adversary.hack_drop
    few = settings.adversary.model_copy(update={"candidates": 16, "generations": 1, "tries": 3})
    attacks = attack(every[:10], every, score, 1.0, ranked_gold, few, seed=0)
    best_of_n, curve = over_optimisation(attacks, few.kl, resamples=100, seed=0)
    report = {
        "gold": "annotators' ranks",
        "prompts": 10,
        "texts_scored": 500,
        "best_of_n": best_of_n,
        "search": search_figures(attacks, drop, resamples=100, seed=0),
        "winners": winners(attacks, drop),
    }
    return report, curve


def audited(responses: pd.DataFrame, settings: Settings) -> dict[str, Any]:
    """As the stage `audit` reports three annotators of length, of whom one likes it least."""
    names = np.array(["ada", "ben", "<b>cy</b>"])
    annotator = names[pd.factorize(responses["prompt_id"])[0] // 3 % 3]
    length: pd.Series = responses["text"].str.len() * np.where(annotator == names[2], 1, -1)
    rank: pd.Series = length.groupby(responses["ranking_id"]).rank(method="dense").astype("int32")
    judged = responses.assign(annotator=annotator, rank=rank)
    return audit(judged, settings.audit, resamples=100, seed=0)


def loosened(gate: Gate) -> Gate:
    """The policy for a calibration set of 45 prompts, whose halves differ by chance.

    What the probes, the adversary and the audit find in random words is no ground to block.
    """

    def changes(check: PolicyCheck) -> dict[str, Any]:
        if check.item in ("probes", "adversary", "audit"):
            limit = 1e4 if check.comparison.startswith("<") else -1e4
            return {"threshold": limit, "min_prompts": 2}
        limits = {"calibration_mean": 0.5, "calibration_std": 2.0}
        return {"threshold": limits.get(check.name, check.threshold)}

    checks = [check.model_copy(update=changes(check)) for check in gate.checks]
    return gate.model_copy(update={"checks": checks})


def build(
    folder: Path, scorer: Scorer, of_text: Score, shift: float, with_champion: bool = False
) -> Example:
    """Write what the stages before the gate write, and judge it.

    of_text: what scores the texts of the probes and of the adversary
    """
    random = np.random.default_rng(7)
    settings = load_settings(Path(__file__).parents[2] / "params.yaml")
    reports = folder / "reports"
    lines = [json.dumps(record) for record in records(300, random)] + ["{broken"]
    (folder / "rankings.jsonl").write_text("\n".join(lines))
    ingested = ingest([folder / "rankings.jsonl"], settings.ingest.max_quarantined_share)
    divided = split(ingested.responses, settings.split)
    scored = {
        name: Scored.of(frame.assign(score=scorer(frame, random)))
        for name, frame in divided.splits.items()
    }
    calibration = calibrate(scored.pop("calibration"), settings.calibrate, settings.seed)
    calibration = {"calibration_set_sha256": "c" * 64, **calibration}
    temperature = calibration["temperature"]
    figures = evaluation_report(scored, temperature, calibration["std"], 10, 1000, 0)
    evaluation = {"leaked_prompts": 0, **figures}
    stressed = stress(random, shift)
    responses = scored["test"].responses
    their_scores = Scored.of(responses.assign(score=true_utility(responses, random)))
    champion: dict[str, Any] = {"champion": None}
    if with_champion:
        champion = {"champion": {"version": "0123456789ab", "model_sha256": "f" * 64}}
        champion |= compare(
            scored["test"], temperature, their_scores, 1.0,
            stressed["outcomes"], stress(random, 4.0)["outcomes"], 1000, 0,
        )  # fmt: skip
    attacked, curve = adversary(responses, of_text, settings)
    shown = {
        "probes": probes(responses, of_text, evaluation["test"]["margin"]["mean_bt_logits"]),
        "adversary": attacked,
        "audit": audited(ingested.responses, settings),
    }
    reports_by_name = {
        "evaluation": evaluation,
        "calibration": calibration,
        "stress": stressed,
        "champion": champion if with_champion else None,
        **shown,
    }
    items = judge(loosened(settings.gate), settings.rewards, reports_by_name)
    strict_lengths = settings.validation.model_copy(update={"max_longer_chosen_share": 0.3})
    for name, value in {
        "evaluation": evaluation,
        "calibration": calibration,
        "stress": stressed,
        "champion": champion,
        **shown,
        "samples": samples(scored["test"], 4),
        "split": divided.report,
        "validation": validate([ingested.responses], strict_lengths).result,
        "ingest": ingested.counts | {"skipped_files": ["README.md"]},
        "train": {
            "base": "/home/someone/models/tiny-encoder",
            "prompts": 210,
            "responses": 945,
            "pairs": 1890,
            "steps": 60,
            "tokens": 50_000,
            "tokens_computed_per_epoch": 41_000,
            "padding_share": 0.0,
            "method": "full",
            "loss": "bradley_terry",
            "max_length": 256,
            "prompts_cut": 3,
            "responses_cut": 1,
            "pair_weighting": "each pair weighs 1 / (pairs of its prompt)",
            "parameters": 22_713_601,
            "parameters_trained": 22_713_601,
        },
    }.items():
        write_json(reports / f"{name}.json", value)
    frames = [value.responses.assign(split=name) for name, value in scored.items()]
    write_table(reports / "scores.parquet", pd.concat(frames))
    names = ("training", "training_eval", "adversary")
    for name, frame in zip(names, (*training(random), curve), strict=True):
        write_text(reports / f"{name}.csv", frame.to_csv(index=False))
    verdict = {
        "verdict": "promoted" if all(item.passed for item in items) else "blocked",
        "failures": failures(items),
        "warnings": warnings(items),
        "items": [item.as_dict() for item in items],
        "model_sha256": "a1b2c3d4" * 8,
        "reports": {"reports/evaluation.json": "e" * 64},
        "data": {"data/split/test.parquet": "d" * 64},
    }
    return Example(verdict, reports, settings)
