"""Trainers that are installed beside the project, each run in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from project import ROOT

TRAINERS = Path(sys.prefix) / "trainers"
"""Where `make setup` puts requirements-trainers.txt: away from the project's own packages."""


def run_trainer(script: str, folder: Path, call: dict[str, Any]) -> Any:
    """What `script`, beside this file, answers to `call`; both as JSON files in `folder`.

    The answer holds `code`, the files of the trainer that the script used.
    """
    assert (TRAINERS / "openrlhf").is_dir(), f"{TRAINERS}: no trainers there; run `make setup`"
    asked, answered = folder / "call.json", folder / "answer.json"
    asked.write_text(json.dumps(call))
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{TRAINERS}",
        "HOME": str(folder),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
    }
    finished = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script)), str(asked), str(answered)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    answer = json.loads(answered.read_text())
    assert all(Path(file).is_relative_to(TRAINERS) for file in answer["code"])
    return answer
