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
from ruamel.yaml import YAML

import rewardgate
from rewardgate.errors import RewardGateError
from rewardgate.files import sha256_file, sha256_json

RECORD = Path("code.yaml")
TEMPLATE = Path(__file__).parent / "template"
PACKAGES = ("rewardgate", "stages", "flows")


def installed_pipeline() -> tuple[Any, dict[str, list[str]]]:
    """dvc.yaml for a project without the code in its folder, and the code deps by stage.

    A stage depends on its hash in code.yaml in the place of the files of its code.
    """
    definition = round_trip().load((TEMPLATE / "pipeline.yaml").read_text(encoding="utf-8"))
    code: dict[str, list[str]] = {}
    for name, stage in definition["stages"].items():
        code[name] = [dep for dep in stage["deps"] if dep.split("/")[0] in PACKAGES]
        for dep in code[name]:
            stage["deps"].remove(dep)
        if not stage["deps"]:
            del stage["deps"]
        stage.setdefault("params", []).append({str(RECORD): [f"stages.{name}"]})
    return definition, code


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


def require_recorded_code(stage: str | None = None) -> None:
    """Raises RewardGateError if the project's `RECORD` is of other code than the installed.

    stage: the only one to look at; None looks at all
    A project without a `RECORD` has its code in its folder, where DVC sees it.
    """
    if not RECORD.is_file():
        return
    code = installed_pipeline()[1]
    code = code if stage is None else {stage: code[stage]}
    try:
        recorded = yaml.safe_load(RECORD.read_text(encoding="utf-8"))
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


def round_trip() -> YAML:
    """A YAML reader and writer that keeps comments and order."""
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _files(root: Path, deps: Iterable[str]) -> list[str]:
    found = [
        file
        for dep in deps
        for file in ((root / dep).rglob("*") if (root / dep).is_dir() else [root / dep])
        if file.is_file() and "__pycache__" not in file.parts
    ]
    return sorted(file.relative_to(root).as_posix() for file in found)
