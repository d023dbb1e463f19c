"""Split labelled solutions by prompt, and fine-tune the base on the steps of the training split."""

import sys
from dataclasses import asdict
from pathlib import Path

from rewardgate.checkpoints import Checkpoints
from rewardgate.files import atomic_folder, sha256_folder, sha256_json, write_json, write_jsonl_gz
from rewardgate.process.data import read_solutions, split_solutions
from rewardgate.process.training import train_steps
from rewardgate.processes import processes
from rewardgate.promotion import environment
from rewardgate.reward_model import RewardModel
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from stages import run_stage


def main() -> None:
    settings = load_settings()
    training, state = settings.process_train, processes()
    found = read_solutions(settings.process.inputs)
    splits, excluded = split_solutions(found.solutions, settings.split)
    records = {name: [one.as_record() for one in members] for name, members in splits.items()}
    base = Path(training.base)
    run = {
        "train": training.model_dump(exclude={"launch", "loss", "start"}),
        "neutral": settings.process.neutral,
        "seed": settings.seed,
        "base_sha256": sha256_folder(base) if base.is_dir() else None,
        "data": {name: sha256_json(records[name]) for name in ("train", "eval")},
        "processes": state.num_processes,
        "environment": environment(),
    }
    checkpoints = Checkpoints(Path("models/process_checkpoints"), run)
    model = RewardModel.from_base(training.base, training.preset.max_length, settings.seed)
    log, report = train_steps(
        model,
        splits["train"],
        splits["eval"],
        training,
        settings.process.neutral,
        settings.seed,
        checkpoints,
    )
    if not state.is_main_process:
        return
    with atomic_folder("models/process") as folder:
        model.save(folder)
    for name in ("calibration", "test"):
        write_jsonl_gz(f"data/split_steps/{name}.jsonl.gz", records[name])
    counts = {name: len(members) for name, members in splits.items()}
    counts |= {"excluded": excluded, "skipped": found.skipped}
    write_json(
        "reports/process_train.json",
        {"base": training.base, "solutions_by_split": counts, **report, **asdict(log)},
    )
    checkpoints.clear()
    count(prompts=report["prompts"], steps=report["step_labels"], excluded=excluded)
    print(
        f"trained on {report['step_labels']} steps ({report['wrong_steps']} wrong) of "
        f"{report['prompts']} prompts; {excluded} solutions excluded, {found.skipped} skipped"
    )


if __name__ == "__main__":
    sys.exit(run_stage(main))
