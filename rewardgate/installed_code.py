"""The code of the stages where it is installed, and not a part of the project's folder.

In a clone of rewardgate's own repository dvc.yaml names the code as files that a stage depends on.
A project that `rewardgate init` made has no such files: there code.yaml holds a hash of the code of
each stage, as a parameter of it, so that DVC runs again what a new version changes, and no more.
"""

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

import rewardgate
from rewardgate.errors import RewardGateError
from rewardgate.files import sha256_file, sha256_json

RECORD = Path("code.yaml")
PACKAGES = ("rewardgate", "stages", "flows")


def is_code(dep: str) -> bool:
    """Whether a dep of dvc.yaml is code of this distribution."""
    return dep.split("/")[0] in PACKAGES


def code_hash(deps: Iterable[str]) -> str:
    """Hash of the installed files and folders `deps`, as a stage of dvc.yaml names them."""
    root = Path(rewardgate.__file__).parents[1]
    return sha256_json({name: sha256_file(root / name) for name in _files(root, deps)})


def record(code: dict[str, list[str]]) -> dict[str, Any]:
    """The content of `RECORD`: version and, by stage, the hash of the code.

    code: deps that are code, by stage
    """
    hashes = {stage: code_hash(deps) for stage, deps in code.items()}
    return {"rewardgate": version("rewardgate"), "stages": hashes}


def require_recorded_code(code: dict[str, list[str]], project: Path = Path()) -> None:
    """Raises RewardGateError if the project's `RECORD` is of other code than the installed.

    code: deps that are code, by stage; a project without a `RECORD` has its code in its folder
    """
    if not (project / RECORD).is_file():
        return
    try:
        recorded = yaml.safe_load((project / RECORD).read_text(encoding="utf-8"))
        known, hashes = recorded["rewardgate"], dict(recorded["stages"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        raise RewardGateError(f"{RECORD}: cannot be read; run `rewardgate init .`") from None
    changed = [stage for stage, deps in code.items() if hashes.get(stage) != code_hash(deps)]
    if changed:
        raise RewardGateError(
            f"{RECORD}: the installed rewardgate {version('rewardgate')} is not the {known} that "
            f"it records (it differs in {', '.join(changed)}); run `rewardgate init .`, and DVC "
            "runs these stages again"
        )


def _files(root: Path, deps: Iterable[str]) -> list[str]:
    found = [
        file
        for dep in deps
        for file in ((root / dep).rglob("*") if (root / dep).is_dir() else [root / dep])
        if file.is_file() and "__pycache__" not in file.parts
    ]
    return sorted(file.relative_to(root).as_posix() for file in found)
