"""Judge the checklist by the policy. The verdict and the report are written whatever it says."""

import sys
from pathlib import Path

from rewardgate.custom import custom_figures
from rewardgate.errors import RewardGateError
from rewardgate.files import (
    read_json,
    read_table,
    sha256_file,
    sha256_folder,
    write_json,
    write_text,
)
from rewardgate.report import render_report
from rewardgate.settings import PROCESS_REPORT, load_settings
from rewardgate.stage_run import count
from rewardgate.start import INGESTED
from rewardgate.trained_on import TRAINED_ON
from rewardgate.verdict import judged, make_verdict, read_reports
from stages import run_stage

SPLITS = ("train", "eval", "calibration", "test")
DATA = (INGESTED, *(f"data/split/{name}.parquet" for name in SPLITS), TRAINED_ON)
PROCESS = "models/process"


def main() -> None:
    settings = load_settings()
    with_process = settings.rewards.process_weight > 0
    process = {"process_sha256": _process_sha256()} if with_process else {}
    names = judged(settings.rewards)
    reports = read_reports(Path("reports"), [name for name in names if name != "custom"])
    scores = read_table("reports/scores.parquet")
    reports["custom"] = custom_figures(reports, scores[scores["split"] == "test"])
    write_json("reports/custom.json", reports["custom"])
    verdict = {
        **make_verdict(settings, reports),
        "model_sha256": sha256_folder("models/candidate"),
        **process,
        "reports": {f"reports/{n}.json": sha256_file(f"reports/{n}.json") for n in names},
        "data": {path: sha256_file(path) for path in DATA},
    }
    write_json("reports/verdict.json", verdict)
    blocking = [check for item in verdict["items"] for check in item["checks"] if check["blocks"]]
    failed = {"failed_items": len(verdict["failures"]), "failed_checks": len(blocking)}
    write_json("reports/gate.json", failed)
    known = read_json("models/overrides.json")
    write_text("reports/report.html", render_report(verdict, Path("reports"), settings, known))
    count(items=len(verdict["items"]), **failed)
    print(f"verdict: {verdict['verdict']} (reports/report.html)")


def _process_sha256() -> str:
    """Hash of the process model. Raises RewardGateError if it is not the one that was measured."""
    found = sha256_folder(PROCESS)
    report = read_json(PROCESS_REPORT) if Path(PROCESS_REPORT).is_file() else {}
    if report.get("process_sha256") != found:
        fault = "is of another process model" if report else "no such file"
        raise RewardGateError(f"{PROCESS_REPORT}: {fault}; run `dvc repro evaluate_process`")
    return found


if __name__ == "__main__":
    sys.exit(run_stage(main))
