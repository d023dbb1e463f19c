"""Small projects whose whole pipeline takes a minute, and what an undisturbed run of them gives."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks.decoders import save_decoder
from benchmarks.gate import ROOT, make_project
from rewardgate.files import sha256_file, sha256_folder
from rewardgate.params import change_params
from rewardgate.settings import load_settings

PROMOTED = Path("models/promoted")
TARGETS = ("promote", "evaluate_process")
"""With all that they rest on, these are all stages of dvc.yaml."""

BEGINS = re.compile(r"Running stage '(\w+)'")
GIT = ("git", "-c", "user.name=crash", "-c", "user.email=crash@example.org")


@dataclass(frozen=True)
class Project:
    """A project folder, and the environment that its commands run in.

    home: a folder outside the project, for the state of Prefect and DVC
    """

    path: Path
    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.path),
            "PYTHONUNBUFFERED": "1",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(self.home / "dvc"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "PREFECT_HOME": str(self.home / "prefect"),
            "COLUMNS": "200",
            **self.variables,
        }

    def start(self, *command: str) -> "subprocess.Popen[str]":
        """A command in a session of its own, its output and errors in one stream of lines."""
        return subprocess.Popen(
            command,
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str) -> tuple[int, str]:
        """Exit code of a command, and all that it printed."""
        process = self.start(*command)
        output = process.communicate()[0]
        return process.returncode, output

    def done(self, *command: str) -> str:
        code, output = self.run(*command)
        if code != 0:
            raise SystemExit(f"{self.path}: {' '.join(command)} exited with {code}:\n{output}")
        return output

    def copied(self, path: Path, home: Path | None = None) -> "Project":
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self.path, path, symlinks=True)
        return Project(path, home or self.home, self.variables)

    def lock(self) -> dict[str, Any]:
        """The stages of dvc.lock."""
        path = self.path / "dvc.lock"
        return dict(yaml.safe_load(path.read_text(encoding="utf-8"))["stages"])

    def results(self) -> dict[str, dict[str, str]]:
        """By stage, the hash of each of its outputs as they lie in the folder."""
        return {
            name: {out["path"]: hash_of(self.path / out["path"]) for out in stage.get("outs", [])}
            for name, stage in self.lock().items()
        }

    def promoted(self) -> dict[str, str]:
        """By link, the version that it names."""
        return {
            name: os.readlink(self.path / PROMOTED / name)
            for name in ("current", "previous")
            if (self.path / PROMOTED / name).is_symlink()
        }

    def leftovers(self) -> list[str]:
        """Temporary files and folders of ours that lie in the project."""
        return sorted(
            str(found.relative_to(self.path))
            for folder in ("data", "models", "reports")
            for found in (self.path / folder).rglob(".*.tmp")
        )


@dataclass(frozen=True)
class Undisturbed:
    """What a run that nothing disturbs ends with; seconds: of each stage, start to next start."""

    results: dict[str, dict[str, str]]
    lock: dict[str, Any]
    promoted: dict[str, str]
    seconds: dict[str, float]

    def differences(self, project: Project, stages: Sequence[str] = ()) -> list[str]:
        """What a project ends with that this run did not; empty if nothing.

        stages: those that were asked for; all, if empty
        """
        asked = stages or list(self.results)
        lock, results = project.lock(), project.results()
        wrong = [
            name
            for name in asked
            if lock.get(name) != self.lock[name] or results.get(name) != self.results[name]
        ]
        if "promote" in asked and project.promoted() != self.promoted:
            wrong.append(f"promoted are {project.promoted()}")
        return wrong


def hash_of(path: Path) -> str:
    if not path.exists():
        return "missing"
    return sha256_folder(path) if path.is_dir() else sha256_file(path)


def promoting_project(project: Project) -> Project:
    """Make a project that promotes whatever it trains, with one model promoted already."""
    save_decoder("tiny", project.home / "base", seed=0)
    shutil.rmtree(project.path, ignore_errors=True)
    make_project(project.path)
    for name in ("dvc.lock", "reports"):
        path = project.path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    change_params(project.path / "params.yaml", settings(project.home / "base"))
    project.done(*GIT, "add", "-A")
    project.done(*GIT, "commit", "-qm", "start")
    project.done("python", "-m", "dvc", "repro", *TARGETS)
    change_params(project.path / "params.yaml", ["seed=1"])
    return project


def settings(base: Path) -> list[str]:
    """A tiny pipeline that is promoted if it tells better from worse at all."""
    preset = (
        "{learning_rate: 0.001, head_learning_rate: 0.01, freeze_embeddings: true, "
        "frozen_layers: 0, max_length: 64, batch_pairs: 32, epochs: 1}"
    )
    checks = [
        {
            "name": item,
            "item": item,
            "figure": "evaluation:test.figures.accuracy",
            "comparison": ">",
            "threshold": 0.0,
            "bound": "lower95",
            "min_prompts": 2,
            "rationale": "so that there is something to promote",
        }
        for item in load_settings(ROOT / "params.yaml").gate.items
    ]
    return [
        f"train.base={base}",
        f"train.presets.other={preset}",
        "train.checkpoint_steps=2",
        "simulate.prompts=120",
        "gate.resamples=500",
        "stress.very_long_words=200",
        "adversary.candidates=16",
        "process.simulate.problems=60",
        "process.presets.other={batch_pairs: 32}",
        f"gate.checks={json.dumps(checks)}",
    ]


def undisturbed(project: Project, command: Sequence[str]) -> Undisturbed:
    """Run a command to its end with nothing in its way."""
    process = project.start(*command)
    started: dict[str, float] = {}
    output = []
    for line in process.stdout or ():
        output.append(line)
        if found := BEGINS.search(line):
            started[found[1]] = time.monotonic()
    if process.wait() != 0:
        raise SystemExit("".join(output))
    ends = [*list(started.values())[1:], time.monotonic()]
    seconds = {name: end - start for (name, start), end in zip(started.items(), ends, strict=True)}
    return Undisturbed(project.results(), project.lock(), project.promoted(), seconds)
