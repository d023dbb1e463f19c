"""Ranking files to data/ingested: the canonical table, the quarantine and the counts."""

import sys
from pathlib import Path

from rewardgate.files import write_json
from rewardgate.ingest import find_inputs, ingest_files
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from stages import run_stage


def main() -> None:
    settings = load_settings().ingest
    inputs = find_inputs(settings.inputs)
    counts = ingest_files(
        inputs.files, settings.max_quarantined_share, Path("data/ingested"), Path("data/shards")
    )
    write_json("reports/ingest.json", counts | {"skipped_files": inputs.skipped})
    count(**{name: counts[name] for name in ("rankings", "prompts", "responses")})
    print(
        f"ingest: {counts['rankings']} rankings, {counts['prompts']} prompts, "
        f"{counts['responses']} responses from {len(inputs.files)} files; "
        f"{counts['duplicates']} duplicates dropped, {counts['quarantined']} quarantined"
    )


if __name__ == "__main__":
    sys.exit(run_stage(main))
