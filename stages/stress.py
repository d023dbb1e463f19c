"""Score the stress cases and edge cases with the candidate."""

import sys

from rewardgate.files import read_json, sha256_folder, write_json
from rewardgate.processes import processes
from rewardgate.reward_model import RewardModel
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from rewardgate.stress import load_cases, run_stress
from stages import run_stage


def main() -> None:
    settings = load_settings()
    cases = load_cases(settings.stress.cases)
    model = RewardModel.load("models/candidate")
    calibration = read_json("reports/calibration.json")
    report = run_stress(
        model, cases, settings.stress.very_long_words, settings.rewards, calibration
    )
    if not processes().is_main_process:
        return
    measured = {"model_sha256": sha256_folder("models/candidate"), **report}
    write_json("reports/stress.json", measured)
    count(cases=sum(family["cases"] for family in report["families"].values()))
    for name, family in report["families"].items():
        print(f"{name:22} {family['passed']:3} of {family['cases']} below the correct, brief one")


if __name__ == "__main__":
    sys.exit(run_stage(main))
