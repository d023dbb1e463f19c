"""Training checkpoints: written whole or not at all, bound to the run they belong to."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from rewardgate.errors import RewardGateError
from rewardgate.files import atomic_folder, read_json, sha256_file, sha256_json, write_json

KEPT = 2
"""Checkpoints kept, so that a corrupted newest one has another behind it."""

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class State:
    """A training run after `step` steps.

    weights: the trained parameters; moments: the optimiser's; best: the trained parameters at the
    best evaluation so far, empty before the first; log: JSON
    """

    step: int
    weights: Tensors
    moments: Tensors
    best: Tensors
    log: dict[str, Any]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training run under `root`.

    `run` holds everything that decides the weights (data, base, settings, seed, environment), as
    JSON; a run that differs in any of it never resumes from these.
    """

    root: Path
    run: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.root / sha256_json(self.run)[:16]

    def save(self, state: State) -> None:
        """Write a state and drop checkpoints older than the last KEPT."""
        if not (self.folder / "run.json").is_file():
            write_json(self.folder / "run.json", self.run)
        with atomic_folder(self.folder / f"step-{state.step:08d}") as folder:
            for name in ("weights", "moments", "best"):
                tensors = {key: value.contiguous() for key, value in getattr(state, name).items()}
                save_file(tensors, folder / f"{name}.safetensors")
            hashes = {file.name: sha256_file(file) for file in sorted(folder.iterdir())}
            write_json(
                folder / "state.json", {"step": state.step, "log": state.log, "sha256": hashes}
            )
        for old in self._saved()[:-KEPT]:
            shutil.rmtree(old)

    def newest(self) -> State | None:
        """The newest checkpoint that is whole; None if this run has none."""
        for folder in reversed(self._saved()):
            try:
                state = read_json(folder / "state.json")
                damaged = [f for f, h in state["sha256"].items() if sha256_file(folder / f) != h]
                if damaged:
                    raise RewardGateError(f"{folder / damaged[0]}: damaged")
                tensors = {
                    name: load_file(folder / f"{name}.safetensors")
                    for name in ("weights", "moments", "best")
                }
                return State(step=int(state["step"]), log=state["log"], **tensors)
            except (OSError, KeyError, SafetensorError, RewardGateError) as error:
                print(f"checkpoint {folder.name} is unusable ({error}); trying the one before")
        return None

    def others(self) -> list[str]:
        """Why each checkpointed run under `root` that is not this one cannot be resumed."""
        reasons = []
        for file in sorted(self.root.glob("*/run.json")):
            if file.parent == self.folder:
                continue
            try:
                other = _flat(read_json(file))
            except RewardGateError:
                continue
            own = _flat(self.run)
            changed = [
                f"{key} was {other.get(key)} and is {own.get(key)}"
                for key in sorted({*own, *other})
                if own.get(key) != other.get(key)
            ]
            reasons.append(f"not resuming {file.parent}: {'; '.join(changed)}")
        return reasons

    def clear(self) -> None:
        """Remove every checkpoint under `root`, of this run and of others."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _saved(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= _flat(inner, f"{prefix}.{key}" if prefix else key)
    return flat
