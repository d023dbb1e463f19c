"""Fine-tune the base as a Bradley-Terry reward model on the training split."""

import sys
from pathlib import Path

import pandas as pd

from rewardgate.checkpoints import Checkpoints
from rewardgate.files import (
    atomic_folder,
    atomic_path,
    read_json,
    read_table,
    sha256_file,
    sha256_folder,
    write_json,
    write_table,
)
from rewardgate.processes import processes
from rewardgate.promotion import environment
from rewardgate.reward_model import RewardModel
from rewardgate.settings import load_settings
from rewardgate.signing import public_key
from rewardgate.stage_run import count
from rewardgate.start import START, open_start
from rewardgate.trained_on import TRAINED_ON, read_record, record_of
from rewardgate.training import train
from stages import run_stage

TRAIN, EVAL = Path("data/split/train.parquet"), Path("data/split/eval.parquet")


def main() -> None:
    settings = load_settings()
    state = processes()
    base, start = Path(settings.train.base), read_json(START)
    bundle = open_start(start, public_key(settings.promote))
    run = {
        "train": settings.train.model_dump(exclude={"launch", "presets"}),
        "preset": settings.train.preset.model_dump(),
        "seed": settings.seed,
        "base_sha256": sha256_folder(base) if base.is_dir() else None,
        "start_sha256": start["model_sha256"] if start else None,
        "data": {path.name: sha256_file(path) for path in (TRAIN, EVAL)},
        "processes": state.num_processes,
        "environment": environment(),
    }
    checkpoints = Checkpoints(Path("models/checkpoints"), run)
    model = RewardModel.from_base(
        settings.train.base, settings.train.preset.max_length, settings.seed, bundle
    )
    train_set, eval_set = read_table(TRAIN), read_table(EVAL)
    log, report = train(model, train_set, eval_set, settings.train, settings.seed, checkpoints)
    if not state.is_main_process:
        return
    with atomic_folder("models/candidate") as folder:
        model.save(folder)
    for name, rows in (("training", log.steps), ("training_eval", log.evals)):
        with atomic_path(f"reports/{name}.csv") as path:
            pd.DataFrame(rows).to_csv(path, index=False, lineterminator="\n")
    before = read_record(bundle) if bundle else None
    write_table(TRAINED_ON, record_of(train_set, eval_set, before))
    write_json("reports/train.json", {"base": settings.train.base, "start": start, **report})
    checkpoints.clear()
    count(**{name: report[name] for name in ("prompts", "pairs", "steps", "tokens")})
    print(
        f"trained on {report['pairs']} pairs of {report['prompts']} prompts in {report['steps']} "
        f"steps; cut to {report['max_length']} tokens: {report['prompts_cut']} prompts, "
        f"{report['responses_cut']} responses of {report['responses']}"
    )


if __name__ == "__main__":
    sys.exit(run_stage(main))
