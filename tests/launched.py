"""Trains a tiny model; run by tests/test_many_processes.py in one process or in several.

python tests/launched.py BASE OUT MODE [STEPS]     MODE: plain | fsdp
"""

import json
import os
import signal
import sys
from pathlib import Path

import accelerate.state
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from test_training import settings_with, table

from rewardgate.checkpoints import Checkpoints
from rewardgate.processes import processes
from rewardgate.reward_model import RewardModel
from rewardgate.training import Trainer, train


def shard_on_cpu(layer: str) -> None:
    """Let Accelerate shard with FSDP on CPUs, which torch can and Accelerate offers GPUs alone."""
    start = accelerate.state.AcceleratorState.__init__

    def started(self: accelerate.state.AcceleratorState, *args: object, **kwargs: object) -> None:
        start(self, *args, **kwargs)
        self.distributed_type = DistributedType.FSDP
        self.fsdp_plugin = FullyShardedDataParallelPlugin(
            fsdp_version=2,
            auto_wrap_policy="transformer_based_wrap",
            transformer_cls_names_to_wrap=[layer],
        )

    accelerate.state.AcceleratorState.__init__ = started


def die_after(steps: int) -> None:
    """Kill this process, as the system would, in the midst of the step after `steps`."""
    backward = Trainer.backward
    done = 0

    def dying(*arguments: object) -> object:
        nonlocal done
        result = backward(*arguments)  # type: ignore[arg-type]
        done += 1
        if done > steps:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    Trainer.backward = dying  # type: ignore[method-assign]


def main() -> None:
    base, out, mode, *steps = sys.argv[1:]
    main_process = processes().is_main_process
    if mode == "fsdp":
        shard_on_cpu("LlamaDecoderLayer" if "decoder" in base else "BertLayer")
    if steps:
        die_after(int(steps[0]))
    settings = settings_with(Path(base), epochs=2)
    model = RewardModel.from_base(base, settings.preset.max_length, seed=0)
    checkpoints = Checkpoints(Path(out) / "checkpoints", {"run": 1})
    log, _ = train(model, table(24), table(4), settings, 0, checkpoints)
    if main_process:
        model.save(Path(out) / "model")
        (Path(out) / "log.json").write_text(json.dumps([log.steps, log.evals]))


if __name__ == "__main__":
    main()
