"""Trains a tiny model, killed at random moments until one run gets to its end.

    python tests/killed.py BASE OUT SEED KILLS

Each run is a fork, so that it starts at once; the first KILLS of them are killed with SIGKILL, at
moments drawn from the first half of the time that a whole run takes. Prints how many died so.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from test_training import settings_with, table

from rewardgate.checkpoints import Checkpoints
from rewardgate.reward_model import RewardModel
from rewardgate.training import train


def run(base: str, out: Path) -> None:
    settings = settings_with(Path(base), epochs=8)
    model = RewardModel.from_base(base, settings.preset.max_length, seed=0)
    train(model, table(24), table(4), settings, 0, Checkpoints(out / "checkpoints", {"run": 1}))
    model.save(out / "model")


def forked(base: str, out: Path) -> int:
    child = os.fork()
    if child == 0:
        run(base, out)
        os._exit(0)
    return child


def main() -> None:
    base, out, seed, kills = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    start = time.monotonic()
    os.waitpid(forked(base, out / "whole"), 0)
    seconds = time.monotonic() - start
    moments = random.Random(seed)
    killed = 0
    for _ in range(kills):
        child = forked(base, out / "killed")
        time.sleep(moments.uniform(0, seconds / 2))
        os.kill(child, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    last = os.waitstatus_to_exitcode(os.waitpid(forked(base, out / "killed"), 0)[1])
    print(killed)
    sys.exit(last)


if __name__ == "__main__":
    main()
