"""The project's folder as the commands find it: where things are, and which key is configured."""

import os
from pathlib import Path

from rewardgate.errors import RewardGateError

PROMOTED = Path("models/promoted")
VERDICT, REPORT = Path("reports/verdict.json"), Path("reports/report.html")


def enter_project() -> None:
    """Go to the nearest folder above that holds dvc.yaml. Raises RewardGateError if none does."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "params.yaml").is_file():
            os.chdir(folder)
            return
    raise RewardGateError(f"no dvc.yaml with a params.yaml in {here} or above; go to the project")


def configured_key() -> Path | None:
    """The public key that the project asks promotions to be signed with."""
    from rewardgate.settings import load_settings
    from rewardgate.signing import public_key

    return public_key(load_settings().promote)
