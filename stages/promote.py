"""Publish the candidate if the gate's verdict allows it; otherwise record the refusal."""

import sys
from pathlib import Path

import yaml

from rewardgate.errors import BLOCKED, run_or_explain
from rewardgate.files import read_json, write_json
from rewardgate.promotion import promotion_record, publish, require_unchanged

CANDIDATE, PROMOTED = Path("models/candidate"), Path("models/promoted")


def main() -> int:
    verdict = read_json("reports/verdict.json")
    require_unchanged(verdict, CANDIDATE)
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    record = promotion_record(verdict, params, Path("dvc.lock"))
    if verdict["verdict"] != "promoted":
        refusal = Path(f"models/refused/{verdict['model_sha256'][:12]}.json")
        write_json(refusal, {**record, "failures": verdict["failures"]})
        print(f"blocked: {len(verdict['failures'])} of {len(verdict['items'])} items fail")
        for line in verdict["failures"]:
            print(f"  {line}")
        print(f"the promoted model is untouched; refusal recorded in {refusal}")
        return BLOCKED
    files = {name: Path("reports") / name for name in ("calibration.json", "verdict.json")}
    folder, moved = publish(CANDIDATE, files, record, PROMOTED)
    print(f"promoted: {folder}" if moved else f"promoted already: {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(run_or_explain(main))
