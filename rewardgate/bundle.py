"""A promoted bundle in use: verified when loaded, its rewards for responses."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewardgate.calibration import normalise
from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, sha256_folder
from rewardgate.promotion import BUNDLE_FILES, current_version
from rewardgate.reward_model import RewardModel
from rewardgate.rewards import compose
from rewardgate.scoring import in_shares, score
from rewardgate.settings import Rewards


@dataclass(frozen=True)
class Promoted:
    """A promoted bundle: the model, its fixed calibration and the composition of its reward."""

    version: str
    model: RewardModel
    calibration: dict[str, Any]
    composition: Rewards

    def reward(self, prompt: str, response: str) -> dict[str, Any]:
        """Raw score, normalised score and the mixed reward with its parts for one response."""
        return self.rewards([prompt], [response])[0]

    def rewards(self, prompts: Sequence[str], responses: Sequence[str]) -> list[dict[str, Any]]:
        """What `reward` gives, for n responses, each to the prompt at the same place.

        Under `accelerate launch` every process calls this with the same texts and gets all.
        """
        scores = score(self.model, prompts, responses, label=None)
        normalised = normalise(scores, self.calibration["mean"], self.calibration["std"])

        def own(part: slice) -> list[dict[str, Any]]:
            texts = zip(
                scores[part].tolist(), normalised[part].tolist(), responses[part], strict=True
            )
            return [self._composed(*text) for text in texts]

        return in_shares([len(text) + 1 for text in responses], own)

    def _composed(self, raw: float, normalised: float, response: str) -> dict[str, Any]:
        tokens = self.model.encoder.count_tokens(response)
        mean, std = self.calibration["mean"], self.calibration["std"]
        mixed = compose(raw, response, tokens, mean, std, self.composition)
        return {
            "score": raw,
            "normalised": normalised,
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
