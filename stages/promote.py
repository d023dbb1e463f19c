"""Publish the candidate if the gate's verdict allows it; otherwise record the refusal."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from rewardgate.errors import BLOCKED, RewardGateError
from rewardgate.files import read_json, write_json
from rewardgate.manifest import PROCESS, Override, bundle_files
from rewardgate.promotion import VERDICT, make_manifest, require_unchanged
from rewardgate.registry import promote
from rewardgate.settings import load_settings
from rewardgate.signing import signing_key
from rewardgate.trained_on import TRAINED_ON
from stages import run_stage

CANDIDATE, PROMOTED = Path("models/candidate"), Path("models/promoted")
PROCESS_MODEL = Path("models/process")


def main(arguments: Sequence[str] = ()) -> int:
    verdict = read_json("reports/verdict.json")
    override = _override(arguments, verdict["verdict"])
    require_unchanged(verdict, CANDIDATE, PROCESS_MODEL)
    key = signing_key(load_settings().promote)
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    beside = [TRAINED_ON] if TRAINED_ON in verdict["data"] else []
    reports = {path: Path(path) for path in (VERDICT, *verdict["reports"], *beside)}
    files = {**bundle_files(CANDIDATE), **reports}
    if "process_sha256" in verdict:
        parts = bundle_files(PROCESS_MODEL)
        files |= {f"{PROCESS}/{name}": path for name, path in parts.items()}
    manifest = make_manifest(files, verdict, params, Path("dvc.lock"))
    manifest = manifest.model_copy(update={"override": override})
    if verdict["verdict"] != "promoted" and override is None:
        refusal = Path(f"models/refused/{verdict['model_sha256'][:12]}.json")
        write_json(refusal, {**manifest.model_dump(), "failures": verdict["failures"]})
        print(f"blocked: {len(verdict['failures'])} of {len(verdict['items'])} items fail")
        for line in verdict["failures"]:
            print(f"  {line}")
        print(f"the promoted model is untouched; refusal recorded in {refusal}")
        return BLOCKED
    folder, moved = promote(files, manifest, PROMOTED, key)
    against = f", against the gate's verdict, by {override.by}" if override else ""
    print(f"promoted{against}: {folder}" if moved else f"promoted already: {folder}")
    return 0


def _override(arguments: Sequence[str], verdict: str) -> Override | None:
    """What the command line says of an override; None without one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--override", action="store_true")
    parser.add_argument("--by", default="")
    parser.add_argument("--reason", default="")
    given = parser.parse_args(arguments)
    if not given.override:
        return None
    by, reason = given.by.strip(), given.reason.strip()
    if not by or not reason:
        raise RewardGateError(
            "promote --override: give --by, who answers for it, and --reason, why; both stay in "
            "every later report"
        )
    if verdict == "promoted":
        raise RewardGateError("promote --override: the gate did not block it; leave --override out")
    return Override(by=by, reason=reason)


if __name__ == "__main__":
    sys.exit(run_stage(lambda: main(sys.argv[1:])))
