"""A promoted bundle in use: verified when loaded, one reward for each response."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rewardgate.calibration import normalise
from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, sha256_folder
from rewardgate.promotion import BUNDLE_FILES, current_version
from rewardgate.reward_model import RewardModel
from rewardgate.rewards import compose
from rewardgate.scoring import score
from rewardgate.settings import Rewards


@dataclass(frozen=True)
class Promoted:
    """A promoted bundle: the model, its fixed calibration and the composition of its reward."""

    version: str
    model: RewardModel
    calibration: dict[str, Any]
    rewards: Rewards

    def reward(self, prompt: str, response: str) -> dict[str, Any]:
        """Raw score, normalised score and the mixed reward with its parts for one response."""
        raw = float(score(self.model, [prompt], [response])[0])
        mean, std = self.calibration["mean"], self.calibration["std"]
        tokens = self.model.encoder.count_tokens(response)
        mixed = compose(raw, response, tokens, mean, std, self.rewards)
        return {
            "score": raw,
            "normalised": float(normalise(np.array([raw]), mean, std)[0]),
            "reward": mixed.total,
            **{name: value for name, value in vars(mixed).items() if name != "total"},
            "model": self.version,
        }


def load_promoted(promoted: str | Path) -> Promoted:
    """Load the current version under `promoted`.

    Raises RewardGateError if nothing was promoted, or if its files are not those of its record.
    """
    current = current_version(Path(promoted))
    if current is None:
        raise RewardGateError(f"{promoted}: nothing was promoted yet; run `rewardgate run`")
    folder, record = current
    found = sha256_folder(folder, without=BUNDLE_FILES)
    if record["verdict"] != "promoted" or found != record["model_sha256"]:
        raise RewardGateError(f"{folder}: differs from its promotion record; promote it again")
    rewards = Rewards.model_validate(record["params"]["rewards"])
    calibration = read_json(folder / "calibration.json")
    return Promoted(folder.name, RewardModel.load(folder), calibration, rewards)
