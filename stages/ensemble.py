"""Fit heads on the candidate's trunk, and see whether they disagree on the adversary's winners."""

import sys

from rewardgate.ensemble import (
    WEIGHTS,
    Ensemble,
    Held,
    ensemble_report,
    features,
    fit_heads,
)
from rewardgate.files import (
    read_json,
    read_table,
    sha256_file,
    sha256_folder,
    write_json,
)
from rewardgate.probes.held_out import spread
from rewardgate.processes import processes
from rewardgate.reward_model import RewardModel
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from stages import run_stage

FOLDER = "models/ensemble"


def main() -> None:
    settings = load_settings()
    chosen = settings.ensemble
    model = RewardModel.load("models/candidate")
    train = read_table("data/split/train.parquet")
    drawn = spread(train["prompt_id"].unique().tolist(), chosen.train_prompts)
    train = train[train["prompt_id"].isin(drawn)].reset_index(drop=True)
    scores = read_table("reports/scores.parquet")
    test = scores[scores["split"] == "test"].drop_duplicates(["prompt_id", "text"])
    winners = read_json("reports/adversary.json")["winners"]
    texts = [
        *zip(train["prompt"], train["text"], strict=True),
        *zip(test["prompt"], test["text"], strict=True),
        *((one["prompt"], one["winner"]["text"]) for one in winners),
    ]
    read = features(model, [prompt for prompt, _ in texts], [text for _, text in texts])
    if not processes().is_main_process:
        return
    temperature = read_json("reports/calibration.json")["temperature"]
    held = Held(test, read[len(train) : len(train) + len(test)], temperature)
    heads = held.scaled(
        fit_heads(read[: len(train)], train, chosen.heads, chosen.l2, settings.seed)
    )
    report = ensemble_report(
        heads,
        held,
        winners,
        read[len(train) + len(test) :],
        chosen.quantile,
        settings.gate.resamples,
        settings.seed,
    )
    Ensemble(model, heads, report["threshold"], sha256_file(f"models/candidate/{WEIGHTS}")).save(
        FOLDER
    )
    write_json(
        "reports/ensemble.json", {"model_sha256": sha256_folder("models/candidate"), **report}
    )
    hacks, others = report["hacks"], report["others"]
    count(heads=report["heads"], winners=len(winners))
    print(
        f"heads disagree on {hacks['flagged']} of {hacks['winners']} hacks and "
        f"{others['flagged']} of {others['winners']} other winners, by the score alone "
        f"{hacks['flagged_by_score']} and {others['flagged_by_score']}; on "
        f"{report['held_out_flagged']['estimate']:.1%} of held-out responses"
    )


if __name__ == "__main__":
    sys.exit(run_stage(main))
