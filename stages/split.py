"""data/ingested to data/split: train, eval, calibration, test, and what was excluded."""

import sys
from pathlib import Path

from rewardgate.canonical import Chunks
from rewardgate.files import write_json
from rewardgate.settings import load_settings
from rewardgate.splits import split_files
from rewardgate.stage_run import count
from stages import run_stage


def main() -> None:
    report = split_files(
        Chunks("data/ingested/responses.parquet"), load_settings().split, Path("data/split")
    )
    write_json("reports/split.json", report)
    sizes = ", ".join(f"{name} {at['prompts']}" for name, at in report["splits"].items())
    leaked, avoided = (
        report["leakage"][way]["held_out_pairs_with_near_duplicate_in_train"]
        for way in ("this_split", "pair_level_split")
    )
    count(**{f"{name}_prompts": at["prompts"] for name, at in report["splits"].items()})
    print(f"split: prompts: {sizes}; {report['excluded']['responses']} responses excluded")
    print(
        f"split: {leaked:.1%} of held-out pairs have a near-duplicate prompt in train; "
        f"a pair-level split would have {avoided:.1%}"
    )


if __name__ == "__main__":
    sys.exit(run_stage(main))
