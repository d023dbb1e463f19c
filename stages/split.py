"""data/ingested to data/split: train, eval, calibration, test, and what was excluded."""

import sys

from rewardgate.files import read_table, write_json, write_table
from rewardgate.settings import load_settings
from rewardgate.splits import split
from rewardgate.stage_run import count
from stages import run_stage


def main() -> None:
    result = split(read_table("data/ingested/responses.parquet"), load_settings().split)
    for name, frame in result.splits.items():
        write_table(f"data/split/{name}.parquet", frame)
    write_table("data/split/excluded.parquet", result.excluded)
    write_json("reports/split.json", result.report)
    sizes = ", ".join(f"{name} {at['prompts']}" for name, at in result.report["splits"].items())
    leaked, avoided = (
        result.report["leakage"][way]["held_out_pairs_with_near_duplicate_in_train"]
        for way in ("this_split", "pair_level_split")
    )
    count(**{f"{name}_prompts": at["prompts"] for name, at in result.report["splits"].items()})
    print(f"split: prompts: {sizes}; {len(result.excluded)} responses excluded")
    print(
        f"split: {leaked:.1%} of held-out pairs have a near-duplicate prompt in train; "
        f"a pair-level split would have {avoided:.1%}"
    )


if __name__ == "__main__":
    sys.exit(run_stage(main))
