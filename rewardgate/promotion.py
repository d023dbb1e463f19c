"""Publishing a judged model: whole or not at all, beside and never over what was there."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from rewardgate.errors import RewardGateError
from rewardgate.files import (
    atomic_folder,
    read_json,
    sha256_file,
    sha256_folder,
    sha256_json,
    write_json,
)

CURRENT = "current"
BUNDLE_FILES = ("calibration.json", "verdict.json", "promotion.json")
LIBRARIES = (
    "rewardgate",
    "torch",
    "transformers",
    "accelerate",
    "peft",
    "tokenizers",
    "numpy",
    "pandas",
    "pyarrow",
)


def require_unchanged(verdict: dict[str, Any], model: Path) -> str:
    """Hash of the candidate.

    Raises RewardGateError if it, a report or the data changed after the verdict.
    """
    for path, judged in {**verdict["reports"], **verdict["data"]}.items():
        if not Path(path).is_file() or sha256_file(path) != judged:
            raise RewardGateError(f"{path}: changed after the gate judged it; run the gate again")
    found = sha256_folder(model)
    if found != verdict["model_sha256"]:
        raise RewardGateError(f"{model}: changed after the gate judged it; run the gate again")
    return found


def promotion_record(verdict: dict[str, Any], params: dict[str, Any], lock: Path) -> dict[str, Any]:
    """All that a promotion rests on: model, data, params, code, environment and metrics."""
    return {
        "verdict": verdict["verdict"],
        "model_sha256": verdict["model_sha256"],
        "verdict_sha256": sha256_json(verdict),
        "reports": verdict["reports"],
        "data": verdict["data"],
        "metrics": verdict["metrics"],
        "dvc_lock_sha256": lock_hash(lock),
        "git": git_state(),
        "params": params,
        "environment": environment(),
    }


def environment() -> dict[str, str]:
    """Versions that decide the bytes of a model."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: version(name) for name in LIBRARIES},
    }


def lock_hash(path: Path) -> str:
    """Hash of dvc.lock without the entry of `promote`, which DVC writes after the promotion."""
    try:
        lock = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RewardGateError(f"{path}: no such file; promote through `dvc repro`") from None
    return sha256_json({k: v for k, v in lock["stages"].items() if k != "promote"})


def git_state() -> dict[str, Any]:
    """Commit of the working tree, and whether tracked files differ from it (dvc.lock aside)."""

    def git(*arguments: str) -> str | None:
        run = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
        return run.stdout.strip() if run.returncode == 0 else None

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock")
    return {
        "commit": git("rev-parse", "--verify", "--quiet", "HEAD"),
        "changed_files": sorted(line[2:].strip() for line in changed.splitlines())
        if changed
        else [],
    }


def publish(
    model: Path, files: dict[str, Path], record: dict[str, Any], promoted: Path
) -> tuple[Path, bool]:
    """Publish a model under `promoted`, named after its record, and point `current` at it.

    files: further files of the bundle, by name
    Returns the folder of the version and whether `current` moved. The version is written under
    another name and renamed, then the link `current` is replaced; each is one atomic step, so
    that `current` always names a whole bundle. Versions published earlier are not touched.
    """
    name = sha256_json(record)[:12]
    target = promoted / name
    if not target.exists():
        with atomic_folder(target) as folder:
            shutil.copytree(model, folder, dirs_exist_ok=True)
            for file, source in files.items():
                shutil.copy(source, folder / file)
            write_json(folder / "promotion.json", record)
    link = promoted / CURRENT
    if link.is_symlink() and os.readlink(link) == name:
        return target, False
    temporary = promoted / f".{CURRENT}.{os.getpid()}.tmp"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(name)
    os.replace(temporary, link)
    return target, True


def is_current(verdict: dict[str, Any], promoted: Path) -> bool:
    """Whether what is promoted rests on this very verdict."""
    current = current_version(promoted)
    return current is not None and current[1]["verdict_sha256"] == sha256_json(verdict)


def current_version(promoted: Path) -> tuple[Path, dict[str, Any]] | None:
    """Folder and record of the promoted model; None if nothing was ever promoted."""
    folder = promoted / CURRENT
    if not folder.exists():
        return None
    return folder.resolve(), read_json(folder / "promotion.json")
