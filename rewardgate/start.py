"""Where training starts: at the base, or at the weights of the champion (`train.start`)."""

from pathlib import Path

from rewardgate.champion import CURRENT, find_champion
from rewardgate.errors import RewardGateError
from rewardgate.files import read_json
from rewardgate.manifest import REPORTS, Manifest
from rewardgate.promotion import require_intact
from rewardgate.trained_on import read_record

INGESTED = "data/ingested/responses.parquet"
"""The rankings of a project, as a manifest's `data` names them."""

START = "models/start.json"
"""What the stage `start` found: `start_of`'s answer."""

MEND = "restore it, or set train.start to base"


def start_of(
    champion: str,
    promoted: Path,
    ingested_sha256: str,
    public_key: Path | None,
) -> tuple[dict[str, str] | None, str]:
    """Bundle, version and model hash of the champion to start from, and why in words.

    champion: the setting `gate.champion`
    ingested_sha256: of the project's rankings
    None stands for the base: also where nothing is promoted yet, so that a schedule's first run
    makes the first champion. A promoted model that was trained on these very rankings is not
    trained on them once more: the start is then what it started from itself. So promoting a
    candidate does not change its own start, and nothing becomes stale.
    Raises RewardGateError if the model is not as promoted or does not say what it was trained on.
    """
    folder = find_champion(champion, promoted, None)
    if folder is None:
        return None, "the base, for there is no champion yet"
    if champion == CURRENT:
        folder = promoted / folder.name
    manifest, version = _intact(folder, public_key), folder.resolve().name
    if champion != CURRENT or manifest.data.get(INGESTED) != ingested_sha256:
        read_record(folder)
        found = {"bundle": str(folder), "version": version, "model_sha256": manifest.model_sha256}
        return found, f"the champion {version}"
    before: dict[str, str] | None = read_json(folder / REPORTS / "train.json").get("start")
    open_start(before, public_key)
    name = before["version"] if before else "the base"
    return before, f"{name}, as the champion {version} did, which knows these rankings"


def open_start(start: dict[str, str] | None, public_key: Path | None) -> Path | None:
    """The folder of the bundle that `START` names; None for the base.

    Raises RewardGateError if it is not as promoted, or another one than `START` names.
    """
    if start is None:
        return None
    folder = Path(start["bundle"])
    if _intact(folder, public_key).model_sha256 != start["model_sha256"]:
        raise RewardGateError(f"{folder}: another model than {START} names; run the stage `start`")
    return folder


def _intact(folder: Path, public_key: Path | None) -> Manifest:
    try:
        return require_intact(folder, public_key)
    except RewardGateError as error:
        raise RewardGateError(f"the model to start from: {error}; or {MEND}") from None
