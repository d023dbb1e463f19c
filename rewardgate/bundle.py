"""A promoted bundle in use: verified when loaded, its rewards for responses."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewardgate.calibration import normalise
from rewardgate.errors import RewardGateError
from rewardgate.files import read_json
from rewardgate.manifest import REPORTS
from rewardgate.promotion import CURRENT, require_intact
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


def load_promoted(promoted: str | Path, public_key: str | Path | None = None) -> Promoted:
    """Load the current version under `promoted`.

    public_key: an Ed25519 public key (PEM); with it the bundle must be signed by its other half
    Raises RewardGateError if nothing was promoted, or names every file that is not as promoted.
    """
    current = Path(promoted) / CURRENT
    if not current.exists():
        raise RewardGateError(f"{promoted}: nothing was promoted yet; run `rewardgate run`")
    folder = current.resolve()
    manifest = require_intact(folder, Path(public_key) if public_key is not None else None)
    rewards = Rewards.model_validate(manifest.params["rewards"])
    calibration = read_json(folder / REPORTS / "calibration.json")
    return Promoted(folder.name, RewardModel.load(folder), calibration, rewards)
