"""Measure the candidate on held-out prompts, and beside them on prompts it was trained on."""

import sys

import pandas as pd

from rewardgate.figures import evaluation_report, headline
from rewardgate.files import (
    atomic_path,
    read_json,
    read_table,
    sha256_folder,
    write_json,
    write_table,
)
from rewardgate.leakage import shared_prompts
from rewardgate.metrics import Scored
from rewardgate.processes import processes
from rewardgate.reward_model import RewardModel
from rewardgate.samples import samples
from rewardgate.scoring import score_table
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from rewardgate.trained_on import TRAINED_ON
from rewardgate.training import first_prompts
from stages import run_stage


def main() -> None:
    settings = load_settings()
    calibration = read_json("reports/calibration.json")
    model = RewardModel.load("models/candidate")
    sets = {name: read_table(f"data/split/{name}.parquet") for name in ("test", "eval", "train")}
    calibration_set, seen = (read_table(f) for f in ("data/split/calibration.parquet", TRAINED_ON))
    others = pd.concat([sets["train"], sets["eval"], calibration_set, seen])
    leaked = shared_prompts(sets["test"]["prompt"], others["prompt"])
    sets["train"] = first_prompts(sets["train"], settings.evaluate.train_prompts)
    scored = {
        name: Scored.of(score_table(model, table, f"{name} set")) for name, table in sets.items()
    }
    if not processes().is_main_process:
        return
    report = evaluation_report(
        scored,
        calibration["temperature"],
        calibration["std"],
        settings.evaluate.reliability_bins,
        settings.gate.resamples,
        settings.seed,
    )
    measured = {
        "model_sha256": sha256_folder("models/candidate"),
        "leaked_prompts": leaked,
        **report,
    }
    write_json("reports/evaluation.json", measured)
    write_json("reports/metrics.json", headline(report))
    write_json("reports/samples.json", samples(scored["test"], settings.evaluate.samples))
    write_table(
        "reports/scores.parquet",
        pd.concat([s.responses.assign(split=name) for name, s in scored.items()]),
    )
    with atomic_path("reports/reliability.csv") as path:
        pd.DataFrame(report["test"]["reliability"]).to_csv(path, index=False, lineterminator="\n")
    test = report["test"]
    count(prompts=test["prompts"], pairs=test["pairs"])
    print(
        f"held-out accuracy {test['accuracy']:.3f} on {test['pairs']} pairs of {test['prompts']} "
        f"prompts (train {report['train']['accuracy']:.3f}); mean margin "
        f"{test['margin']['mean_bt_logits']:.3f} BT logits; longest wins "
        f"{test['length']['longest_wins_accuracy']:.3f}"
    )


if __name__ == "__main__":
    sys.exit(run_stage(main))
