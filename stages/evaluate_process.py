"""How well the process model finds the first error of held-out solutions."""

import sys

from rewardgate.files import sha256_folder, write_json
from rewardgate.process.data import read_solutions
from rewardgate.process.evaluation import evaluate_steps
from rewardgate.processes import processes
from rewardgate.reward_model import RewardModel
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from stages import run_stage


def main() -> None:
    settings = load_settings()
    model = RewardModel.load("models/process")
    calibration, test = (
        read_solutions(f"data/split_steps/{name}.jsonl.gz").solutions
        for name in ("calibration", "test")
    )
    report = evaluate_steps(model, calibration, test, settings.gate.resamples, settings.seed)
    if not processes().is_main_process:
        return
    write_json(
        "reports/process.json", {"process_sha256": sha256_folder("models/process"), **report}
    )
    count(with_error=report["with_error"], without_error=report["without_error"])
    test, random, f1 = report["test"], report["baselines"]["random"], report["intervals"]["f1"]
    bounds = f" [{f1['low']:.3f}, {f1['high']:.3f}]" if f1["low"] is not None else ""
    print(
        f"first error found in {test['error_accuracy']:.1%} of {report['with_error']} solutions; "
        f"no error named in {test['correct_accuracy']:.1%} of {report['without_error']}; "
        f"F1 {test['f1']:.3f}{bounds} (at random {random['f1']:.3f})"
    )


if __name__ == "__main__":
    sys.exit(run_stage(main))
