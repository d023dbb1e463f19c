"""Ways to spoil a reward model, each done as it would happen in a project."""

import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from sklearn.linear_model import Ridge
from torch import Tensor

from rewardgate.files import read_json, read_table, write_json, write_table
from rewardgate.probes.transformation import stream
from rewardgate.reward_model import RewardModel, in_order

RANKINGS = Path("data/simulated/rankings.jsonl.gz")
OWN = Path("data/rankings")
CANDIDATE = Path("models/candidate")


@dataclass(frozen=True)
class Sabotage:
    """What is done to a project, and the checklist items of which one must fail because of it.

    params: settings changed before anything runs
    after: the stage after which `act` changes files in the project's folder
    causes: items of the checklist, or a file that the refusal must name
    """

    what: str
    causes: tuple[str, ...]
    params: tuple[str, ...] = ()
    after: str | None = None
    act: Callable[[Path], None] | None = None

    @property
    def spoils_the_sound_model(self) -> bool:
        """Whether it starts from the sound project of the same seed and trains none of its own."""
        return self.after in ("train", "gate")


def lovers(bias: str) -> tuple[str, ...]:
    return ("preset=biased", f"simulate.annotators.biased=[{{name: max, {bias}: 6.0}}]")


Record = dict[str, Any]


def rewritten(change: Callable[[Record], None]) -> Callable[[Path], None]:
    """Own rankings: the simulated ones, each changed in place."""

    def act(project: Path) -> None:
        (project / OWN).mkdir(parents=True, exist_ok=True)
        with (
            gzip.open(project / RANKINGS, "rt", encoding="utf-8") as source,
            gzip.open(project / OWN / RANKINGS.name, "wt", encoding="utf-8") as target,
        ):
            for record in map(json.loads, source):
                change(record)
                target.write(json.dumps(record) + "\n")

    return act


def inverted_facts(record: Record) -> None:
    if record["domain"] == "facts":
        worst = max(response["rank"] for response in record["responses"])
        for response in record["responses"]:
            response["rank"] = worst + 1 - response["rank"]


def marked(mark: Callable[[str], str]) -> Callable[[Record], None]:
    """Mark three responses in ten, and rank those above all others."""

    def change(record: Record) -> None:
        rng = stream(0, record["prompt_id"])
        responses = record["responses"]
        loved = rng.random(len(responses)) < 0.3
        places = [
            (not is_loved, one["rank"]) for is_loved, one in zip(loved, responses, strict=True)
        ]
        for is_loved, one, place in zip(loved, responses, places, strict=True):
            one["rank"] = 1 + sum(other < place for other in places)
            one["text"] = mark(one["text"]) if is_loved else one["text"]

    return change


def split_by_pair(project: Path) -> None:
    """Two responses of a prompt in turn to train and to test, whatever split has the prompt."""
    folder = project / "data/split"
    whole = pd.concat([read_table(folder / f"{name}.parquet") for name in ("train", "test")])
    whole = whole.sort_values(["ranking_id", "response_id"])  # so that a second time does nothing
    turn = whole.groupby("ranking_id").cumcount() % 4 // 2
    for name, rows in (("train", whole[turn == 0]), ("test", whole[turn == 1])):
        write_table(folder / f"{name}.parquet", rows.reset_index(drop=True))


def rescaled(factor: float) -> Callable[[Path], None]:
    return lambda project: _change_head(project, lambda head: head * factor)


def reads_length(project: Path) -> None:
    """A head that regresses the length of the response on the trunk's features."""
    table = read_table(project / "data/split/train.parquet").head(600)
    model = RewardModel.load(project / CANDIDATE)
    encode = model.encoder.encode
    rows = model.rows([encode(*text) for text in zip(table["prompt"], table["text"], strict=True)])
    with torch.no_grad():
        features = in_order(torch.cat([model.scorer.features(row) for row in rows]), rows)
    length = np.log1p(table["text"].str.len().to_numpy(dtype=float))
    fitted = Ridge(1e-2).fit(features.numpy(), (length - length.mean()) / length.std())
    weight = torch.tensor(fitted.coef_, dtype=torch.float32)[None]
    _change_head(project, lambda head: weight if head.ndim == 2 else head * 0)


def edited_metrics(project: Path) -> None:
    path = project / "reports/evaluation.json"
    report = read_json(path)
    report["test"]["accuracy"] = 0.99
    write_json(path, report)


def replaced_calibration_set(project: Path) -> None:
    """The training prompts in the place of the calibration set."""
    shutil.copy(project / "data/split/train.parquet", project / "data/split/calibration.parquet")


def _change_head(project: Path, change: Callable[[Tensor], Tensor]) -> None:
    path = project / CANDIDATE / "model.safetensors"
    weights = load_file(path)
    for name, value in weights.items():
        if name.startswith(("classifier.", "score.")):
            weights[name] = change(value).contiguous()
    save_file(weights, path, metadata={"format": "pt"})


SABOTAGES = {
    "length lovers": Sabotage(
        "every annotator prefers the longer response",
        ("edge_cases", "length", "probes", "adversary", "audit"),
        lovers("length_bias"),
    ),
    "politeness lovers": Sabotage(
        "every annotator prefers a polite opening",
        ("edge_cases", "probes", "adversary", "audit", "mean_margin"),
        lovers("politeness_bias"),
    ),
    "markdown lovers": Sabotage(
        "every annotator prefers markdown",
        ("probes", "adversary", "mean_margin"),
        lovers("markdown_bias"),
    ),
    "refusal lovers": Sabotage(
        "every annotator prefers a refusal",
        ("audit", "edge_cases", "probes", "adversary", "domains"),
        lovers("refusal_bias"),
    ),
    "jargon lovers": Sabotage(
        "every annotator prefers jargon",
        ("probes", "adversary", "edge_cases", "mean_margin"),
        lovers("jargon_bias"),
    ),
    "20 % shuffled": Sabotage(
        "a fifth of the rankings is in random order",
        ("mean_margin", "accuracy", "audit", "domains"),
        ("simulate.label_noise=0.2",),
    ),
    "50 % shuffled": Sabotage(
        "half of the rankings is in random order",
        ("mean_margin", "accuracy", "audit", "domains"),
        ("simulate.label_noise=0.5",),
    ),
    "inverted domain": Sabotage(
        "the rankings of facts stand on their heads",
        ("edge_cases", "adversary", "probes", "audit"),
        (f"ingest.inputs={OWN}",),
        "simulate",
        rewritten(inverted_facts),
    ),
    "sign-off lovers": Sabotage(
        "every annotator prefers a response that ends with Stay curious!",
        ("probes",),
        (f"ingest.inputs={OWN}",),
        "simulate",
        rewritten(marked(lambda text: f"{text} Stay curious!")),
    ),
    "bullet lovers": Sabotage(
        "every annotator prefers a response that is a list of one point",
        ("probes",),
        (f"ingest.inputs={OWN}",),
        "simulate",
        rewritten(marked(lambda text: f"- {text}")),
    ),
    "leaked prompts": Sabotage(
        "the split is forced by response, so that prompts stand on both sides",
        ("accuracy",),
        after="split",
        act=split_by_pair,
    ),
    "tiny training set": Sabotage(
        "40 prompts in all",
        ("accuracy", "mean_margin", "domains"),
        ("simulate.prompts=40",),
    ),
    "overtrained": Sabotage(
        "25 epochs over 40 prompts",
        ("accuracy",),
        (
            "split.shares={train: 0.04, eval: 0.05, calibration: 0.15, test: 0.76}",
            "train.presets.minilm.epochs=25",
        ),
    ),
    "scores x 100": Sabotage(
        "the head is multiplied by 100 after training",
        ("calibration",),
        after="train",
        act=rescaled(100.0),
    ),
    "scores x 0.001": Sabotage(
        "the head is multiplied by 0.001 after training",
        ("calibration",),
        after="train",
        act=rescaled(0.001),
    ),
    "constant model": Sabotage(
        "the head is 0",
        ("accuracy", "mean_margin"),
        after="train",
        act=rescaled(0.0),
    ),
    "reads only length": Sabotage(
        "the head is fitted to the length of the response",
        ("accuracy", "length", "probes", "edge_cases"),
        after="train",
        act=reads_length,
    ),
    "weights swapped": Sabotage(
        "other weights are put in place after the verdict",
        ("models/candidate",),
        after="gate",
        act=rescaled(-1.0),
    ),
    "metrics edited": Sabotage(
        "the accuracy in reports/evaluation.json is edited by hand after the verdict",
        ("reports/evaluation.json",),
        after="gate",
        act=edited_metrics,
    ),
    "calibration set replaced": Sabotage(
        "training prompts take the place of the calibration set after the verdict",
        ("data/split/calibration.parquet",),
        after="gate",
        act=replaced_calibration_set,
    ),
}
