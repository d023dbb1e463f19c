"""Judge the checklist by the policy. The verdict and the report are written whatever it says."""

import sys
from pathlib import Path

from rewardgate.custom import custom_figures
from rewardgate.files import (
    read_json,
    read_table,
    sha256_file,
    sha256_folder,
    write_json,
    write_text,
)
from rewardgate.policy import REPORTS
from rewardgate.report import render_report
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from rewardgate.verdict import JUDGED, make_verdict, read_reports
from stages import run_stage

DATA = ("ingested/responses", "split/train", "split/eval", "split/calibration", "split/test")


def main() -> None:
    settings = load_settings()
    reports = read_reports(Path("reports"), REPORTS)
    scores = read_table("reports/scores.parquet")
    reports["custom"] = custom_figures(reports, scores[scores["split"] == "test"])
    write_json("reports/custom.json", reports["custom"])
    verdict = {
        **make_verdict(settings, reports),
        "model_sha256": sha256_folder("models/candidate"),
        "reports": {f"reports/{n}.json": sha256_file(f"reports/{n}.json") for n in JUDGED},
        "data": {f"data/{n}.parquet": sha256_file(f"data/{n}.parquet") for n in DATA},
    }
    write_json("reports/verdict.json", verdict)
    blocking = [check for item in verdict["items"] for check in item["checks"] if check["blocks"]]
    failed = {"failed_items": len(verdict["failures"]), "failed_checks": len(blocking)}
    write_json("reports/gate.json", failed)
    known = read_json("models/overrides.json")
    write_text("reports/report.html", render_report(verdict, Path("reports"), settings, known))
    count(items=len(verdict["items"]), **failed)
    print(f"verdict: {verdict['verdict']} (reports/report.html)")


if __name__ == "__main__":
    sys.exit(run_stage(main))
