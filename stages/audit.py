"""data/ingested examined, annotator by annotator: reports/audit.json."""

import sys

from rewardgate.audit import audit
from rewardgate.files import read_table, write_json
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from stages import run_stage


def main() -> None:
    settings = load_settings()
    responses = read_table("data/ingested/responses.parquet")
    gate = settings.gate
    report = audit(responses, settings.audit, gate.resamples, settings.seed, gate.safety_domains)
    write_json("reports/audit.json", report)
    count(annotators=len(report["annotators"]), anomalous=len(report["anomalous"]))
    worst, noise = (report["figures"][name] for name in ("worst_agreement", "label_noise"))
    least = f"{report['worst_annotator']} {worst['estimate']:.3f}" if worst else "unknown"
    flipped = f"{noise['estimate']:.3f}" if noise else "unknown"
    print(
        f"audit: {len(report['annotators'])} annotators; least agreement with the others: {least}; "
        f"label noise: {flipped}"
    )
    for one in report["anomalous"]:
        print(f"audit: {one['annotator']}: {'; '.join(one['reasons'])}")
    for note in report["notes"]:
        print(f"audit: {note}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
