"""Draw rankings from simulated annotators whose truth is known."""

import sys

from rewardgate.files import write_jsonl_gz, write_table
from rewardgate.settings import load_settings
from rewardgate.simulate import simulate
from rewardgate.stage_run import count
from stages import run_stage


def main() -> None:
    settings = load_settings()
    simulation = simulate(settings.simulate, settings.preset, settings.seed)
    write_jsonl_gz("data/simulated/rankings.jsonl.gz", simulation.records)
    write_table("data/simulated_utilities.parquet", simulation.utilities)
    count(rankings=len(simulation.records))
    print(f"{len(simulation.records)} rankings by {settings.preset} annotators")


if __name__ == "__main__":
    sys.exit(run_stage(main))
