"""Draw labelled solutions of small sums, whose first error is planted."""

import sys

from rewardgate.errors import run_or_explain
from rewardgate.files import write_jsonl_gz
from rewardgate.process.simulation import simulate_solutions
from rewardgate.settings import load_settings


def main() -> None:
    settings = load_settings()
    records = list(simulate_solutions(settings.process.simulate, settings.seed))
    write_jsonl_gz("data/simulated_steps/solutions.jsonl.gz", records)
    print(f"{len(records)} solutions of {settings.process.simulate.problems} problems")


if __name__ == "__main__":
    sys.exit(run_or_explain(main))
