"""Publish the candidate if the gate's verdict allows it; otherwise record the refusal."""

import sys
from pathlib import Path

import yaml

from rewardgate.errors import BLOCKED, run_or_explain
from rewardgate.files import read_json, write_json
from rewardgate.manifest import bundle_files
from rewardgate.promotion import VERDICT, make_manifest, publish, require_unchanged
from rewardgate.settings import load_settings
from rewardgate.signing import signing_key

CANDIDATE, PROMOTED = Path("models/candidate"), Path("models/promoted")


def main() -> int:
    verdict = read_json("reports/verdict.json")
    require_unchanged(verdict, CANDIDATE)
    key = signing_key(load_settings().promote)
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    reports = {path: Path(path) for path in (VERDICT, *verdict["reports"])}
    files = {**bundle_files(CANDIDATE), **reports}
    manifest = make_manifest(files, verdict, params, Path("dvc.lock"))
    if verdict["verdict"] != "promoted":
        refusal = Path(f"models/refused/{verdict['model_sha256'][:12]}.json")
        write_json(refusal, {**manifest.model_dump(), "failures": verdict["failures"]})
        print(f"blocked: {len(verdict['failures'])} of {len(verdict['items'])} items fail")
        for line in verdict["failures"]:
            print(f"  {line}")
        print(f"the promoted model is untouched; refusal recorded in {refusal}")
        return BLOCKED
    folder, moved = publish(files, manifest, PROMOTED, key)
    print(f"promoted: {folder}" if moved else f"promoted already: {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(run_or_explain(main))
