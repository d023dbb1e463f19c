"""A project folder as the gate leaves it; the model is a few bytes, the policy has one figure."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from policies import figure
from project import ROOT

from rewardgate.files import sha256_file, sha256_folder, write_json, write_text
from rewardgate.settings import load_settings
from rewardgate.verdict import judged, make_verdict, read_reports

EVALUATION = {
    "test": {
        "accuracy": 0.8,
        "margin": {"mean_bt_logits": 1.5, "mean_raw": 1.5, "mean_standardised": 1.0},
        "domains": {"facts": {"accuracy": 0.8}},
        "figures": {"accuracy": figure(0.8)},
    }
}


def make_judged_project(path: Path, **promote: Any) -> Path:
    """Write candidate, data, reports and verdict. promote: the section of params.yaml."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["gate"]["checks"] = accuracy_checks(params["gate"]["items"], 0.65)
    params["promote"] = promote
    write_text(path / "params.yaml", yaml.safe_dump(params, sort_keys=False))
    write_text(path / "dvc.yaml", "stages: {}\n")
    write_text(path / "dvc.lock", "stages: {gate: {cmd: judge}, promote: {cmd: publish}}\n")
    write_text(path / "models/candidate/config.json", "{}\n")
    (path / "models/candidate/model.safetensors").write_bytes(bytes(range(64)))
    write_text(path / "data/split/calibration.parquet", "calibration set")
    model = sha256_folder(path / "models/candidate")
    calibration_set = sha256_file(path / "data/split/calibration.parquet")
    known = {
        "evaluation": {"model_sha256": model, **EVALUATION},
        "calibration": {
            "model_sha256": model,
            "calibration_set_sha256": calibration_set,
            "mean": 0.1,
            "std": 0.5,
            "temperature": 1.0,
        },
        "champion": {"champion": None},
    }
    for name in judged(load_settings(path / "params.yaml").rewards):
        write_json(path / f"reports/{name}.json", known.get(name, {}))
    judge(path)
    return path


def accuracy_checks(items: Iterable[str], threshold: float) -> list[dict[str, Any]]:
    """A policy that judges every item of the checklist by the accuracy."""
    return [
        {
            "name": item,
            "item": item,
            "figure": "evaluation:test.figures.accuracy",
            "comparison": ">",
            "threshold": threshold,
            "bound": "lower95",
            "min_prompts": 2,
            "rationale": "one figure is enough for this test",
        }
        for item in items
    ]


def judge(path: Path) -> None:
    """Write the verdict as the stage `gate` does."""
    settings = load_settings(path / "params.yaml")
    names = judged(settings.rewards)
    verdict = {
        **make_verdict(settings, read_reports(path / "reports", names)),
        "model_sha256": sha256_folder(path / "models/candidate"),
        "reports": {f"reports/{n}.json": sha256_file(path / f"reports/{n}.json") for n in names},
        "data": {
            f"data/split/{n}.parquet": sha256_file(path / f"data/split/{n}.parquet")
            for n in ("calibration",)
        },
    }
    write_json(path / "reports/verdict.json", verdict)
