"""Rewards completions of this process's own, without TRL; run by test_trl_reward.py in two.

python tests/trainers/own_completions.py PROJECT OUT
"""

import json
import sys
from pathlib import Path

from rewardgate.processes import processes
from rewardgate.trainers.trl import PromotedReward


def main() -> None:
    project, out = map(Path, sys.argv[1:])
    reward = PromotedReward(project / "models/promoted", references="answer")
    process = processes().process_index
    own = {
        "prompts": [f"what is {process + i} ?" for i in range(2 + process)],
        "completions": [("good answer paris " * n).strip() for n in range(1, 3 + process)],
        "answer": ["paris", "london", None][: 2 + process],
    }
    rewards = reward(**own)
    assert not {"trl", "datasets"} & set(sys.modules), "a trainer was imported"
    (out / f"{process}.json").write_text(json.dumps({**own, "rewards": rewards}))


if __name__ == "__main__":
    main()
