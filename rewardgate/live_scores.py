"""A file of live scores beside the promoted model's calibration set."""

from pathlib import Path

from rewardgate.drift import Drift, measure_drift
from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, read_table
from rewardgate.manifest import REPORTS
from rewardgate.promotion import current_version


def drift_of(scored: Path, promoted: Path) -> Drift:
    """How far the scores of a Parquet file are from those of the calibration set.

    scored: has a column `score`, as `rewardgate score` writes it
    promoted: the folder of all promotions
    Raises RewardGateError if the file, its scores or the promoted model cannot be used.
    """
    if not scored.exists():
        raise RewardGateError(f"{scored}: no such file; make it with `rewardgate score`")
    table = read_table(scored)
    if "score" not in table:
        raise RewardGateError(f"{scored}: has no column score; make it with `rewardgate score`")
    current = current_version(promoted)
    if current is None:
        raise RewardGateError(f"{promoted}: nothing was promoted yet; run `rewardgate run`")
    calibration = read_json(current[0] / REPORTS / "calibration.json")
    if "score_quantiles" not in calibration:
        raise RewardGateError(f"{current[0]}: keeps no calibration scores; promote it again")
    return measure_drift(calibration["score_quantiles"], table["score"].tolist())
