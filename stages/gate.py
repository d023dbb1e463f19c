"""Judge the checklist by the policy. The verdict and the report are written whatever it says."""

import sys
from pathlib import Path

from rewardgate.checklist import failures, judge, warnings
from rewardgate.custom import custom_figures
from rewardgate.errors import run_or_explain
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

DATA = ("ingested/responses", "split/train", "split/eval", "split/calibration", "split/test")


def main() -> None:
    settings = load_settings()
    reports = {name: read_json(f"reports/{name}.json") for name in REPORTS}
    if reports["champion"]["champion"] is None:
        reports["champion"] = None
    scores = read_table("reports/scores.parquet")
    reports["custom"] = custom_figures(reports, scores[scores["split"] == "test"])
    items = judge(settings.gate, settings.rewards, reports)
    test = reports["evaluation"]["test"]
    verdict = {
        "verdict": "promoted" if all(item.passed for item in items) else "blocked",
        "failures": failures(items),
        "warnings": warnings(items),
        "items": [item.as_dict() for item in items],
        "model_sha256": sha256_folder("models/candidate"),
        "champion": reports["champion"] and reports["champion"]["champion"],
        "reports": {f"reports/{n}.json": sha256_file(f"reports/{n}.json") for n in REPORTS},
        "data": {f"data/{n}.parquet": sha256_file(f"data/{n}.parquet") for n in DATA},
        "metrics": {
            "accuracy": test["accuracy"],
            "mean_margin_bt_logits": test["margin"]["mean_bt_logits"],
            "temperature": reports["calibration"]["temperature"],
            "domains": {name: domain["accuracy"] for name, domain in test["domains"].items()},
        },
    }
    write_json("reports/verdict.json", verdict)
    write_text("reports/report.html", render_report(verdict, Path("reports"), settings))
    print(f"verdict: {verdict['verdict']} (reports/report.html)")


if __name__ == "__main__":
    sys.exit(run_or_explain(main))
