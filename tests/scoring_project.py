"""A project folder with a tiny candidate, a tiny promoted model and held-out rankings."""

import shutil
from pathlib import Path
from typing import Any

import torch
from project import ROOT
from tables import responses_table

from rewardgate.files import sha256_folder, write_json, write_table
from rewardgate.manifest import Git, Manifest, bundle_files, hashes
from rewardgate.promotion import publish
from rewardgate.reward_model import RewardModel
from rewardgate.trained_on import TRAINED_ON, record_of

CALIBRATION = {
    "mean": 0.1,
    "std": 0.5,
    "temperature": 1.0,
    "score_quantiles": [place / 100 for place in range(-50, 71)],
}
REWARDS = {
    "granularity": "sequence",
    "rationale": "whole responses were ranked by annotators",
    "rm_weight": 1.0,
    "rm_clip": 3.0,
    "floor": -5.0,
    "length_penalty": {"min_tokens": 1, "max_tokens": 10, "width_tokens": 5, "weight": 1.0},
    "repetition_penalty": {"n": 2, "free_share": 0.1, "weight": 1.0},
}


def table(prompts: int):
    """Rankings of 2 to 4 responses, from one word to many."""
    return responses_table(
        [
            (
                f"what is it and what was {i} ? " * (1 + i % 3),
                [("good answer " * (1 + (i * 7 + k * 5) % 11), k + 1) for k in range(2 + i % 3)],
            )
            for i in range(prompts)
        ]
    )


def save_fresh(base: Path, folder: Path) -> None:
    """Save a reward model with a head so wide that a wrong score would show."""
    model = RewardModel.from_base(str(base), max_length=64, seed=0)
    with torch.no_grad():
        model.scorer.head.weight.normal_(generator=torch.Generator().manual_seed(1))
    model.save(folder)


def promote(base: Path, project: Path) -> Path:
    """Publish a fresh reward model on `base` as the promoted one; returns its folder."""
    save_fresh(base, project / "fresh")
    reports = {"calibration": CALIBRATION, "verdict": {"champion": None}}
    return publish_bundle(project / "fresh", reports, project / "models/promoted")


def publish_bundle(
    model: Path,
    reports: dict[str, Any],
    promoted: Path,
    process: Path | None = None,
    extra: dict[str, Path] | None = None,
    **changes: Any,
) -> Path:
    """Publish the folder `model` with reports by name; returns the bundle's folder.

    process: the folder of a process model to go with it; extra: more files by path in the bundle;
    changes: to the manifest
    """
    for name, report in reports.items():
        write_json(promoted.parent / f"{name}.json", report)
    files = {f"reports/{name}.json": promoted.parent / f"{name}.json" for name in reports}
    files |= bundle_files(model) | (extra or {})
    if process is not None:
        files |= {f"process/{name}": path for name, path in bundle_files(process).items()}
    manifest = Manifest(
        verdict="promoted",
        model_sha256=sha256_folder(model),
        files=hashes(files),
        data={},
        params={"rewards": REWARDS},
        dvc_lock={},
        git=Git(commit=None, changed_files=[]),
        environment={},
    )
    return publish(files, manifest.model_copy(update=changes), promoted)[0]


def make_scoring_project(candidate: Path, promoted: Path, project: Path) -> Path:
    """A project to score in: base models of the candidate and of the promoted one."""
    (project / "data").mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml", "data/stress_cases.yaml"):
        shutil.copy(ROOT / name, project / name)
    promote(promoted, project)
    save_fresh(candidate, project / "models/candidate")
    for name, prompts in (("calibration", 12), ("test", 15), ("eval", 4), ("train", 6)):
        write_table(project / f"data/split/{name}.parquet", table(prompts))
    write_table(project / TRAINED_ON, record_of(table(6), table(4), None).iloc[:0])
    return project
