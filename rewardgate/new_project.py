"""A project folder for an installed rewardgate, made from the files that it ships."""

import shutil
import subprocess
import sys
from pathlib import Path

from rewardgate.errors import RewardGateError
from rewardgate.files import atomic_path
from rewardgate.installed_code import (
    RECORD,
    TEMPLATE,
    installed_pipeline,
    record,
    round_trip,
)

PIPELINE = "dvc.yaml"
HEADER = (
    "# Written by `rewardgate init`, which writes it anew after an upgrade: leave it as it is.\n"
)
COPIED = {
    "params.yaml": "params.yaml",
    "prefect.yaml": "prefect.yaml",
    "stress_cases.yaml": "data/stress_cases.yaml",
    "launch/ddp.yaml": "launch/ddp.yaml",
    "launch/fsdp.yaml": "launch/fsdp.yaml",
    "gitignore": ".gitignore",
    "models.gitignore": "models/.gitignore",
}
"""What a project gets once and then owns: file of the template, path in the project."""


def init_project(folder: Path) -> list[str]:
    """Make `folder` a project, or bring it up to the installed version; the files it wrote.

    Settings, stress cases and schedules that are there stay as they are; dvc.yaml and code.yaml
    are written anew. A git repository and DVC are set up where there are none.
    Raises RewardGateError if the folder has a dvc.yaml that is not of `rewardgate init`.
    """
    pipeline = folder / PIPELINE
    if pipeline.is_file() and not pipeline.read_text(encoding="utf-8").startswith(HEADER):
        raise RewardGateError(
            f"{pipeline}: not written by `rewardgate init`; move it away, or name another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    _set_up_dvc(folder)
    missing = {
        source: target for source, target in COPIED.items() if not (folder / target).exists()
    }
    for source, target in missing.items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(TEMPLATE / source, folder / target)
    definition, code = installed_pipeline()
    yaml = round_trip()
    with atomic_path(pipeline) as temporary, open(temporary, "w", encoding="utf-8") as stream:
        stream.write(HEADER)
        yaml.dump(definition, stream)
    with atomic_path(folder / RECORD) as temporary:
        yaml.dump(record(code), temporary)
    return [PIPELINE, str(RECORD), *(COPIED[name] for name in missing)]


def _set_up_dvc(folder: Path) -> None:
    inside = subprocess.run(
        ["git", "rev-parse", "--show-prefix"], cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if inside.returncode != 0:
        _run(folder, "git", "init", "--quiet")
    if not (folder / ".dvc").is_dir():
        subfolder = ["--subdir"] if inside.stdout.strip() else []
        dvc = (sys.executable, "-m", "dvc")
        _run(folder, *dvc, "init", "--quiet", *subfolder)
        _run(folder, *dvc, "config", "core.analytics", "false")


def _run(folder: Path, *command: str) -> None:
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        said = " ".join(finished.stderr.split()) or f"exit code {finished.returncode}"
        raise RewardGateError(f"{folder}: {' '.join(command[-4:])}: {said}")
