"""Compare the candidate with the champion on the test prompts and the stress cases."""

import sys
from pathlib import Path

from rewardgate.champion import find_champion, load_champion
from rewardgate.comparison import compare
from rewardgate.files import read_json, read_table, sha256_folder, write_json
from rewardgate.metrics import Scored
from rewardgate.processes import processes
from rewardgate.scoring import score_table
from rewardgate.settings import load_settings
from rewardgate.signing import public_key
from rewardgate.stress import load_cases, run_stress
from stages import run_stage

REPORT = "reports/champion.json"


def main() -> None:
    settings = load_settings()
    champion = read_json("models/champion.json")
    if champion is None:
        if processes().is_main_process:
            write_json(REPORT, {"champion": None})
            print("no champion yet: value thresholds alone")
        return
    candidate = sha256_folder("models/candidate")
    folder = find_champion(settings.gate.champion, Path("models/promoted"), candidate)
    assert folder is not None
    model, calibration = load_champion(folder, public_key(settings.promote))
    scores = read_table("reports/scores.parquet")
    test = scores[scores["split"] == "test"].reset_index(drop=True)
    theirs = score_table(model, test, "champion, test set")
    stress = run_stress(
        model,
        load_cases(settings.stress.cases),
        settings.stress.very_long_words,
        settings.rewards,
        calibration,
    )
    if not processes().is_main_process:
        return
    report = compare(
        Scored.of(test),
        read_json("reports/calibration.json")["temperature"],
        Scored.of(theirs),
        calibration["temperature"],
        read_json("reports/stress.json")["outcomes"],
        stress["outcomes"],
        settings.gate.resamples,
        settings.seed,
    )
    write_json(REPORT, {"model_sha256": candidate, "champion": champion, **report})
    difference = report["difference"]["accuracy"]["estimate"]
    print(f"against champion {champion['version']}: accuracy {difference:+.3f}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
