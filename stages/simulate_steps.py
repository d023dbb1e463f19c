"""Draw labelled solutions of small sums, whose first error is planted."""

import sys

from rewardgate.files import write_jsonl_gz
from rewardgate.process.simulation import simulate_solutions
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from stages import run_stage


def main() -> None:
    settings = load_settings()
    records = list(simulate_solutions(settings.process.simulate, settings.seed))
    write_jsonl_gz("data/simulated_steps/solutions.jsonl.gz", records)
    count(solutions=len(records))
    print(f"{len(records)} solutions of {settings.process.simulate.problems} problems")


if __name__ == "__main__":
    sys.exit(run_stage(main))
