"""Fix mean, standard deviation and temperature on the calibration set."""

import sys

from rewardgate.calibration import calibrate
from rewardgate.files import read_table, sha256_file, sha256_folder, write_json
from rewardgate.metrics import Scored
from rewardgate.processes import processes
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score_table
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from stages import run_stage

CALIBRATION_SET = "data/split/calibration.parquet"


def main() -> None:
    settings = load_settings()
    model = RewardModel.load("models/candidate")
    scored = Scored.of(score_table(model, read_table(CALIBRATION_SET), "calibration set"))
    if not processes().is_main_process:
        return
    report = {
        "model_sha256": sha256_folder("models/candidate"),
        "calibration_set_sha256": sha256_file(CALIBRATION_SET),
        **calibrate(scored, settings.calibrate, settings.seed),
    }
    write_json("reports/calibration.json", report)
    count(prompts=report["prompts"], pairs=report["pairs"])
    print(
        f"mean {report['mean']:.4f}, standard deviation {report['std']:.4f}, temperature "
        f"{report['temperature']:.4f} from {report['pairs']} pairs of {report['prompts']} prompts"
    )


if __name__ == "__main__":
    sys.exit(run_stage(main))
