"""data/ingested judged: reports/validation.json and reports/data_docs."""

import sys
from pathlib import Path

from rewardgate.canonical import Chunks
from rewardgate.data_docs import write_data_docs
from rewardgate.errors import RewardGateError
from rewardgate.files import write_json
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from rewardgate.validation import validate
from stages import run_stage


def main() -> None:
    settings = load_settings().validation
    chunks = Chunks("data/ingested/responses.parquet")
    validation = validate(chunks, settings, Path("data/judged"))
    write_json("reports/validation.json", validation.result)
    write_data_docs("reports/data_docs", validation.suites)
    expectations = validation.result["expectations"]
    failed = [one for one in expectations if not one["success"]]
    count(expectations=len(expectations), failed=len(failed))
    print(f"validate: {len(expectations) - len(failed)} of {len(expectations)} expectations hold")
    for one in failed:
        print(f"validate: {one['severity']}: {one['name']}: observed {one['observed']}, "
              f"threshold {one['threshold']}: {one['description']}")  # fmt: skip
        for row in one["failing"]:
            print(f"validate:   {row['prompt_id']} {row['response_id']}: {row['value']}")
    if not validation.result["success"]:
        names = ", ".join(one["name"] for one in failed if one["severity"] == "error")
        raise RewardGateError(
            f"data/ingested/responses.parquet: expectations failed: {names}; mend the rankings or "
            f"set validate in params.yaml; rows in reports/validation.json"
        )


if __name__ == "__main__":
    sys.exit(run_stage(main))
