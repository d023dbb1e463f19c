"""A copy of the project in a folder of its own, run as a user runs it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
COPIED = (
    "rewardgate",
    "stages",
    "flows",
    "dvc.yaml",
    "params.yaml",
    ".dvcignore",
    ".gitignore",
    ".dvc/config",
    ".dvc/.gitignore",
    "data/stress_cases.yaml",
    "models/.gitignore",
)


@dataclass(frozen=True)
class Project:
    """A project folder; `run` returns the finished command with its output as text."""

    path: Path

    def run(self, *command: str, timeout: float = 1200) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "COLUMNS": "100",
        }

    def set(self, *changes: str) -> None:
        from rewardgate.params import change_params

        change_params(self.path / "params.yaml", changes)

    def lock(self) -> str:
        return (self.path / "dvc.lock").read_text(encoding="utf-8")


def make_project(path: Path, *changes: str) -> Project:
    """Copy the project to `path`, make it a git repository, and change settings."""
    for name in COPIED:
        source, target = ROOT / name, path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    project = Project(path)
    project.set(*changes)
    for command in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "start"),
    ):
        project.run("git", *command)
    return project


def tiny_changes(base: Path) -> list[str]:
    """Settings that make the whole pipeline run in seconds; such a model is always blocked."""
    preset = (
        "{learning_rate: 0.001, head_learning_rate: 0.01, freeze_embeddings: true, "
        "frozen_layers: 0, max_length: 64, batch_pairs: 32, epochs: 1}"
    )
    return [
        f"train.base={base}",
        f"train.presets.other={preset}",
        "train.checkpoint_steps=2",
        "simulate.prompts=120",
        "stress.very_long_words=200",
        "adversary.candidates=16",
    ]
