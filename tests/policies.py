"""The shipped policy, single checks of it, and figures for tests."""

from pathlib import Path
from typing import Any

from rewardgate.policy import PolicyCheck
from rewardgate.settings import load_settings

SETTINGS = load_settings(Path(__file__).parent.parent / "params.yaml")


def check(**changes: Any) -> PolicyCheck:
    """A sound check of the accuracy, with changes."""
    return PolicyCheck.model_validate(
        {
            "name": "accuracy",
            "item": "accuracy",
            "figure": "evaluation:test.figures.accuracy",
            "comparison": ">",
            "threshold": 0.65,
            "rationale": "five words are enough here",
            **changes,
        }
    )


def figure(
    estimate: float, half_width: float | None = 0.02, prompts: int = 100
) -> dict[str, float | int | None]:
    """A figure of a report, with an interval of estimate +/- half_width, or without one."""
    known = half_width is not None
    return {
        "estimate": estimate,
        "low": estimate - half_width if known else None,
        "high": estimate + half_width if known else None,
        "prompts": prompts,
        "pairs": 10 * prompts,
    }
