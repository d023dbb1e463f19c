"""data/ingested to data/split: train, eval, calibration, test, and what was excluded."""

import sys
from pathlib import Path

from rewardgate.canonical import Chunks
from rewardgate.files import read_json, write_json
from rewardgate.settings import load_settings
from rewardgate.signing import public_key
from rewardgate.splits import SEEN_PROMPT, split_files
from rewardgate.stage_run import count
from rewardgate.start import START, open_start
from rewardgate.trained_on import read_record
from stages import run_stage


def main() -> None:
    settings = load_settings()
    start = open_start(read_json(START), public_key(settings.promote))
    report = split_files(
        Chunks("data/ingested/responses.parquet"),
        settings.split,
        Path("data/split"),
        read_record(start) if start else None,
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
    if start is not None:
        seen = report["excluded"]["reasons"][SEEN_PROMPT]["prompts"]
        print(f"split: {seen} held-out prompts excluded, for {start.name} was trained on them")


if __name__ == "__main__":
    sys.exit(run_stage(main))
