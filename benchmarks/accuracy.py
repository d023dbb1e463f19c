"""Held-out accuracy of reward models and baselines on real rankings.

    python -m benchmarks.accuracy --rankings DIR --out DIR [--configs NAME ...] [--minutes 20]

Ingests and splits as params.yaml says, trains each configuration within the minutes given, scores
the test split and prints the tables. The scores of each stay in the folder --out: a run that was
killed goes on with the first configuration that is not there, and a finished run prints its tables
again without training.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rich.console import Console

from benchmarks.accuracy_table import WIDTH, figures, print_tables
from benchmarks.baselines import Floats, Weighting, fit_linear_judge, longest_wins, shortest_wins
from rewardgate.checkpoints import Checkpoints
from rewardgate.errors import BAD_INPUT, RewardGateError, run_or_explain
from rewardgate.examples import examples_of
from rewardgate.files import (
    read_json,
    read_table,
    sha256_file,
    sha256_json,
    write_json,
    write_table,
)
from rewardgate.ingest import find_inputs, ingest
from rewardgate.metrics import Scored
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score_table
from rewardgate.settings import Settings, Train, load_settings
from rewardgate.splits import split
from rewardgate.training import first_prompts, train

MINILM: dict[str, Any] = {"base": "minilm", "presets.minilm.epochs": 1}

CONFIGS: dict[str, dict[str, Any]] = {
    "minilm": MINILM,
    "minilm-pair": {**MINILM, "loss.weighting": "pair"},
    "minilm-balanced": {**MINILM, "loss.length": "balanced"},
    "minilm-regressed": {
        **MINILM,
        "loss.length": "regressed",
        "loss.length_share": 0.3,
        "presets.minilm.batch_pairs": 24,
        "eval_steps": 100,
        "eval_prompts": 109,
    },
    "smollm2-head": {
        "base": "smollm2",
        "presets.smollm2.method": "head",
        "presets.smollm2.epochs": 10,
    },
    "smollm2-lora": {
        "base": "smollm2",
        "presets.smollm2.method": "lora",
        "presets.smollm2.frozen_layers": 0,
        "presets.smollm2.learning_rate": 2e-4,
    },
    "smollm2-top": {"base": "smollm2"},
}
"""Named changes to the section `train` of params.yaml, by dotted key."""

PROBE_PROMPTS = 32
"""Prompts that are trained on, and thrown away, to learn the speed of a configuration."""

USABLE = 0.9
"""Share of the minutes that is planned for; evaluations and a slower spell take the rest."""

NEVER = 1_000_000_000
IDS = ["prompt_id", "ranking_id", "response_id"]


class Data(NamedTuple):
    """The splits that a judge may see, and what they were made from."""

    train: pd.DataFrame
    eval: pd.DataFrame
    test: pd.DataFrame
    origin: dict[str, Any]


class Budget(NamedTuple):
    """Minutes of training a configuration may take; `prompts`, if given, is the cap instead."""

    minutes: float
    prompts: int | None


class Judged(NamedTuple):
    """Scores (n,) of the test set, and how they came about."""

    scores: Floats
    minutes: float | None
    account: dict[str, Any]


def linear(with_length: bool, weighting: Weighting) -> Callable[[Data], Judged]:
    """The baseline of that kind, fitted when it is called."""

    def fitted(data: Data) -> Judged:
        judge = fit_linear_judge(data.train, data.eval, with_length, weighting)
        return Judged(judge.score(data.test), None, {"c": judge.c})

    return fitted


BASELINES: dict[str, Callable[[Data], Judged]] = {
    "longest-wins": lambda data: Judged(longest_wins(data.test), None, {}),
    "shortest-wins": lambda data: Judged(shortest_wins(data.test), None, {}),
    "tfidf": linear(with_length=False, weighting="pair"),
    "tfidf-prompt": linear(with_length=False, weighting="prompt"),
    "tfidf-length": linear(with_length=True, weighting="pair"),
    "tfidf-length-prompt": linear(with_length=True, weighting="prompt"),
}
"""Judges without a neural network; "prompt" where every prompt, not every pair, weighs the same."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    settings = load_settings(options.params)
    trained = {name: changed(settings.train, CONFIGS[name]) for name in options.configs}
    data = load(options.rankings, settings)
    budget = Budget(options.minutes, options.prompts)
    rows, failed = [], False
    for name in [*BASELINES, *trained]:
        config = trained.get(name)
        run = {"origin": data.origin, "seed": settings.seed}
        if config:
            run |= {"train": config.model_dump(), "budget": budget._asdict()}
        try:
            judged = stored(options.out, name, sha256_json(run), data.test, options.rebuild)
            if judged is None and options.rebuild:
                print(f"{name}: nothing stored")
                continue
            if judged is None:
                print(f"{name} ...", flush=True)
                judged = judge(name, config, data, settings.seed, budget)
                store(options.out, name, sha256_json(run), data.test, judged)
        except RewardGateError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
            continue
        scored = Scored.of(data.test.assign(score=judged.scores))
        rows.append(
            {
                "config": name,
                **figures(scored, settings.seed),
                "minutes": judged.minutes,
                "account": judged.account,
            }
        )
    print_tables(rows, Console(width=WIDTH))
    write_json(options.json or options.out / "accuracy.json", rows)
    return BAD_INPUT if failed else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--rankings", type=Path, required=True, help="a ranking file, or a folder of them")
    add("--out", type=Path, required=True, help="folder for scores, accounts and figures")
    add("--configs", nargs="*", choices=list(CONFIGS), default=list(CONFIGS), metavar="NAME",
        help=f"of {', '.join(CONFIGS)}; none for the baselines alone; all if left out")  # fmt: skip
    add("--minutes", type=float, default=20.0, help="training time of each configuration")
    add("--prompts", type=int, help="training prompts of each configuration, instead of minutes")
    add("--json", type=Path, help="where the figures go (accuracy.json in --out)")
    add("--params", type=Path, default=Path("params.yaml"))
    add("--rebuild", action="store_true", help="tables of what is stored, whatever made it")
    options = parser.parse_args(arguments)
    if options.minutes <= 0 or (options.prompts is not None and options.prompts < 1):
        parser.error("--minutes and --prompts must be above 0")
    return options


def changed(train_settings: Train, changes: Mapping[str, Any]) -> Train:
    """The settings with dotted keys set, and without checkpoints."""
    values = train_settings.model_dump()
    for key, value in {**changes, "checkpoint_steps": NEVER}.items():
        *parents, last = key.split(".")
        section = values
        for parent in parents:
            section = section[parent]
        section[last] = value
    return Train.model_validate(values)


def load(rankings: Path, settings: Settings) -> Data:
    """Ingest and split; training prompts are shuffled, so that the first few are a fair sample."""
    files = find_inputs(rankings).files
    ingested = ingest(files, settings.ingest.max_quarantined_share)
    splits = split(ingested.responses, settings.split).splits
    origin = {
        "files": {file.name: sha256_file(file) for file in files},
        "split": settings.split.model_dump(),
    }
    train_set = shuffled(splits["train"], settings.seed)
    return Data(train_set, splits["eval"], splits["test"], origin)


def shuffled(responses: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The prompts in a random order, each with its rows as they were."""
    prompts = responses["prompt_id"].unique()
    place = dict(
        zip(np.random.default_rng(seed).permutation(prompts), range(len(prompts)), strict=True)
    )
    order = np.argsort(responses["prompt_id"].map(place).to_numpy(), kind="stable")
    return responses.iloc[order].reset_index(drop=True)


def judge(name: str, config: Train | None, data: Data, seed: int, budget: Budget) -> Judged:
    """Fit or train the judge of that name and score the test set."""
    if config is None:
        return BASELINES[name](data)
    prompts = budget.prompts or prompts_within(budget.minutes, config, data, seed)
    trained = train_on(first_prompts(data.train, prompts), data.eval, config, seed)
    scores = score_table(trained.model, data.test, "test set")["score"].to_numpy()
    return Judged(scores, round(trained.minutes, 2), trained.report)


def prompts_within(minutes: float, config: Train, data: Data, seed: int) -> int:
    """How many of the first training prompts can be trained on in that time."""
    probe = first_prompts(data.train, PROBE_PROMPTS)
    trained = train_on(probe, first_prompts(data.eval, 1), config, seed)
    minutes_a_token = trained.minutes / trained.report["tokens"]
    examples = examples_of(data.train, trained.model.encoder)
    tokens = np.cumsum([example.tokens for example in examples])
    room = USABLE * minutes / minutes_a_token
    return max(1, int(np.searchsorted(tokens, room, side="right")))


class Trained(NamedTuple):
    """A model, what it was trained on, and the minutes that took without loading the base."""

    model: RewardModel
    report: dict[str, Any]
    minutes: float


def train_on(train_set: pd.DataFrame, eval_set: pd.DataFrame, config: Train, seed: int) -> Trained:
    model = RewardModel.from_base(config.base, config.preset.max_length, seed)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        _, report = train(model, train_set, eval_set, config, seed, Checkpoints(Path(folder), {}))
        return Trained(model, report, (time.perf_counter() - start) / 60)


def store(out: Path, name: str, fingerprint: str, test_set: pd.DataFrame, judged: Judged) -> None:
    """Keep scores and account; the account is written last and says that both are there."""
    (out / f"{name}.json").unlink(missing_ok=True)
    write_table(out / f"{name}.parquet", test_set[IDS].assign(score=judged.scores))
    account = {"fingerprint": fingerprint, "minutes": judged.minutes, "account": judged.account}
    write_json(out / f"{name}.json", account)


def stored(
    out: Path, name: str, fingerprint: str, test_set: pd.DataFrame, whatever_made_it: bool
) -> Judged | None:
    """What was kept under that name, or None if it is absent or comes from another run.

    Raises RewardGateError if it was to be taken whatever made it and is of another test set.
    """
    if not (out / f"{name}.json").is_file():
        return None
    account = read_json(out / f"{name}.json")
    if account["fingerprint"] != fingerprint and not whatever_made_it:
        return None
    kept = read_table(out / f"{name}.parquet")
    if not kept[IDS].equals(test_set[IDS]):
        raise RewardGateError(
            f"{out / name}.parquet: scores of another test set; name the rankings they are of"
        )
    return Judged(kept["score"].to_numpy(), account["minutes"], account["account"])


if __name__ == "__main__":
    sys.exit(run_or_explain(main))
