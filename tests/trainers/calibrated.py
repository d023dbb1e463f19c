"""A promoted bundle whose reward has every part, for the tests of those who use it."""

from pathlib import Path
from typing import Any, NamedTuple

from scoring_project import REWARDS, publish_bundle, save_fresh

from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score

RULES: list[dict[str, Any]] = [
    {"name": "exact", "label": "right", "weight": 2.0, "options": {"answer": r"(\S+)$"}},
    {"name": "matches_not", "label": "safe", "hard": True, "options": {"pattern": "bad"}},
]


class Texts(NamedTuple):
    prompts: list[str]
    responses: list[str]
    references: list[Any]


def promote_calibrated(
    base: Path,
    project: Path,
    texts: Texts,
    rules: list[dict[str, Any]] = RULES,
    process: Path | None = None,
) -> Path:
    """Promote a fresh reward model, calibrated on `texts` so that few scores are clipped.

    process: base of a process model that takes part
    A std below 0.5 would only magnify the rounding of a random encoder's scores.
    """
    save_fresh(base, project / "fresh")
    scores = score(RewardModel.load(project / "fresh"), texts.prompts, texts.responses, label=None)
    calibration = {"mean": scores.mean(), "std": max(scores.std(), 0.5), "temperature": 1.0}
    reports = {"calibration": calibration, "verdict": {"champion": None}}
    params = {"rewards": {**REWARDS, "rules": rules}}
    if process is not None:
        save_fresh(process, project / "process")
        params["rewards"]["process_weight"] = 1.5
    promoted = project / "models/promoted"
    promoted.parent.mkdir(parents=True)
    parts = project / "process" if process is not None else None
    publish_bundle(project / "fresh", reports, promoted, parts, params=params)
    return promoted
