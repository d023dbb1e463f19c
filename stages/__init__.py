"""Thin scripts, one a stage of dvc.yaml; silent to telemetry."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from rewardgate import stage_run
from rewardgate.quiet import silence

BEGAN = time.monotonic()

silence()


def run_stage(main: Callable[[], int | None]) -> int:
    """Run the stage that `python -m stages.NAME` started; see rewardgate/stage_run.py."""
    return stage_run.run_stage(Path(sys.argv[0]).stem, main, BEGAN)
