"""Training checkpoints: written whole or not at all, bound to the run they belong to."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from rewardgate.errors import RewardGateError
from rewardgate.files import atomic_folder, read_json, sha256_file, write_json

KEPT = 2
"""Checkpoints kept, so that a corrupted newest one has another behind it."""


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training run under `root`.

    `fingerprint` names everything that decides the weights (data, base, settings, seed); a run
    with another fingerprint never resumes from these.
    """

    root: Path
    fingerprint: str

    @property
    def folder(self) -> Path:
        return self.root / self.fingerprint[:16]

    def save(self, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, log: Any) -> None:
        """Write the state after `step` steps and drop checkpoints older than the last KEPT."""
        with atomic_folder(self.folder / f"step-{step:08d}") as folder:
            weights = {name: value.contiguous() for name, value in model.state_dict().items()}
            save_file(weights, folder / "model.safetensors")
            save_file(_flatten(optimizer.state_dict()["state"]), folder / "optimizer.safetensors")
            hashes = {file.name: sha256_file(file) for file in sorted(folder.iterdir())}
            write_json(folder / "state.json", {"step": step, "log": log, "sha256": hashes})
        for old in self._saved()[:-KEPT]:
            shutil.rmtree(old)

    def resume(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, Any]:
        """Load the newest checkpoint that is whole; returns its step and log, or (0, None)."""
        for folder in reversed(self._saved()):
            try:
                state = read_json(folder / "state.json")
                damaged = [f for f, h in state["sha256"].items() if sha256_file(folder / f) != h]
                if damaged:
                    raise RewardGateError(f"{folder / damaged[0]}: damaged")
                weights = load_file(folder / "model.safetensors")
                moments = load_file(folder / "optimizer.safetensors")
            except (OSError, KeyError, SafetensorError, RewardGateError) as error:
                print(f"checkpoint {folder.name} is unusable ({error}); trying the one before")
                continue
            model.load_state_dict(weights)
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": _unflatten(moments), "param_groups": groups})
            return int(state["step"]), state["log"]
        return 0, None

    def clear(self) -> None:
        """Remove every checkpoint under `root`, of this run and of others."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _saved(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))


def _flatten(state: dict[int, dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {f"{index}.{key}": v for index, entry in state.items() for key, v in entry.items()}


def _unflatten(tensors: dict[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".")
        state.setdefault(int(index), {})[key] = value
    return state
