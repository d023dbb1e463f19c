"""The champion: the promoted model that a candidate is compared with."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardgate.errors import RewardGateError
from rewardgate.files import read_json
from rewardgate.manifest import MANIFEST, REPORTS
from rewardgate.promotion import VERDICT, current_version, require_intact

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
        folder, manifest = current
        if manifest.model_sha256 == candidate_sha256:
            verdict = folder / VERDICT
            before = read_json(verdict).get("champion") if verdict.is_file() else None
            if before is None:
                return None
            folder = promoted / before["version"]
    if not (folder / MANIFEST).is_file():
        raise RewardGateError(
            f"{_shown(folder)}: the champion is no promoted bundle (no {MANIFEST} there); "
            "restore it, or set gate.champion to none or to another bundle"
        )
    return folder


def identity(folder: Path, public_key: Path | None) -> dict[str, str]:
    """Name and model hash of a bundle. Raises RewardGateError if it is not as promoted."""
    try:
        manifest = require_intact(Path(_shown(folder)), public_key)
    except RewardGateError as error:
        raise RewardGateError(
            f"the champion cannot be trusted: {error}; or set gate.champion to none or to another "
            "bundle"
        ) from None
    return {"version": folder.resolve().name, "model_sha256": manifest.model_sha256}


def load_champion(folder: Path, public_key: Path | None) -> "tuple[RewardModel, dict[str, Any]]":
    """Model and calibration of a bundle, of whatever architecture and score scale.

    public_key: with it, the bundle must be signed by its other half
    Raises RewardGateError if it is not as promoted or cannot be loaded.
    """
    from rewardgate.reward_model import RewardModel  # torch takes seconds; who asks may not need it

    identity(folder, public_key)
    try:
        model = RewardModel.load(folder)
        calibration = read_json(folder / REPORTS / "calibration.json")
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
