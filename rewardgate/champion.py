"""The champion: the promoted model that a candidate is compared with."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, sha256_folder
from rewardgate.promotion import BUNDLE_FILES, current_version

if TYPE_CHECKING:
    from rewardgate.reward_model import RewardModel

CURRENT, NONE = "current", "none"
"""Settings of `gate.champion`; anything else is the folder of a bundle."""


def find_champion(setting: str, promoted: Path, candidate_sha256: str | None) -> Path | None:
    """The folder of the bundle that a candidate is compared with; None if there is none.

    With `current` it is the promoted model, unless that is the candidate itself: then it is the
    one that the candidate was compared with when it was promoted, which the bundle's verdict
    names. So promoting a candidate does not change its own champion, nothing becomes stale, and
    a model is never measured against itself.
    Raises RewardGateError if the folder is gone.
    """
    if setting == NONE:
        return None
    if setting != CURRENT:
        folder = Path(setting)
    else:
        current = current_version(promoted)
        if current is None:
            return None
        folder, record = current
        if record["model_sha256"] == candidate_sha256:
            verdict = folder / "verdict.json"
            before = read_json(verdict).get("champion") if verdict.is_file() else None
            if before is None:
                return None
            folder = promoted / before["version"]
    if not (folder / "promotion.json").is_file():
        raise RewardGateError(
            f"{_shown(folder)}: the champion is no promoted bundle (no promotion.json there); "
            "restore it, or set gate.champion to none or to another bundle"
        )
    return folder


def identity(folder: Path) -> dict[str, str]:
    """Name and model hash of a bundle. Raises RewardGateError if the model is not the recorded."""
    sha256 = read_json(folder / "promotion.json")["model_sha256"]
    if sha256_folder(folder, without=BUNDLE_FILES) != sha256:
        raise RewardGateError(
            f"{_shown(folder)}: the champion's files differ from its promotion record; restore "
            "them, or set gate.champion to none or to another bundle"
        )
    return {"version": folder.resolve().name, "model_sha256": sha256}


def load_champion(folder: Path) -> "tuple[RewardModel, dict[str, Any]]":
    """Model and calibration of a bundle, of whatever architecture and score scale.

    Raises RewardGateError if it is not as recorded or cannot be loaded.
    """
    from rewardgate.reward_model import RewardModel  # torch takes seconds; who asks may not need it

    identity(folder)
    try:
        model = RewardModel.load(folder)
        calibration = read_json(folder / "calibration.json")
        if calibration["temperature"] <= 0:
            raise ValueError("its temperature is not positive")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, RewardGateError) as error:
        reason = " ".join(str(error).split())
        raise RewardGateError(
            f"{_shown(folder)}: the champion cannot be loaded ({reason}); set gate.champion to "
            "none or to another bundle"
        ) from None
    return model, calibration


def _shown(folder: Path) -> str:
    """A folder relative to the project, where it lies in it."""
    return str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)
