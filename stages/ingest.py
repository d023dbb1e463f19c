"""Ranking files to data/ingested: the canonical table, the quarantine and the counts."""

import json
import sys

from rewardgate.files import write_json, write_table, write_text
from rewardgate.ingest import find_inputs, ingest
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from stages import run_stage


def main() -> None:
    settings = load_settings().ingest
    inputs = find_inputs(settings.inputs)
    ingested = ingest(inputs.files, settings.max_quarantined_share)
    lines = [json.dumps(fault, ensure_ascii=False) + "\n" for fault in ingested.quarantine]
    write_table("data/ingested/responses.parquet", ingested.responses)
    write_text("data/ingested/quarantine.jsonl", "".join(lines))
    write_json("reports/ingest.json", ingested.counts | {"skipped_files": inputs.skipped})
    counts = ingested.counts
    count(**{name: counts[name] for name in ("rankings", "prompts", "responses")})
    print(
        f"ingest: {counts['rankings']} rankings, {counts['prompts']} prompts, "
        f"{counts['responses']} responses from {len(inputs.files)} files; "
        f"{counts['duplicates']} duplicates dropped, {counts['quarantined']} quarantined"
    )


if __name__ == "__main__":
    sys.exit(run_stage(main))
