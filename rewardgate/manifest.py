"""The manifest of a promoted bundle: what is in it and what it rests on, bound by sha256."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from rewardgate.errors import RewardGateError
from rewardgate.files import sha256_file, sha256_json

MANIFEST, SIGNATURE, REPORTS = "manifest.json", "promotion.sig", "reports"
"""Beside the model in a bundle: the manifest, its signature, the verdict and what it judged."""

PROCESS = "process"
"""The folder of the process model in a bundle, if there is one."""


class Git(BaseModel):
    """The code: a commit, and the tracked files that differed from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    commit: str | None
    changed_files: list[str]


class Override(BaseModel):
    """Who promoted what the gate had blocked, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str
    reason: str


class Manifest(BaseModel):
    """The one record of a promotion.

    model_sha256: of the model's files, as `files.sha256_folder` gives it for the candidate
    files: sha256 by path in the bundle, of every file but the manifest and its signature
    data: sha256 by path in the project, of the data that the model was made and judged with
    params: the content of params.yaml without `promote`
    dvc_lock: the stages of dvc.lock without `promote`, which DVC writes after the promotion
    environment: versions that decide the bytes of a model
    override: set if the verdict is blocked and somebody promoted it all the same
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    verdict: str
    model_sha256: str
    files: dict[str, str]
    data: dict[str, str]
    params: dict[str, Any]
    dvc_lock: dict[str, Any]
    git: Git
    environment: dict[str, str]
    override: Override | None = None

    def text(self) -> str:
        """The bytes of manifest.json; params keep their order, for the checklist's is in it."""
        values = self.model_dump(exclude=None if self.override else {"override"})
        content = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
        return content + "\n"

    def version(self) -> str:
        """The name of the bundle's folder, a hash of its manifest."""
        return hashlib.sha256(self.text().encode()).hexdigest()[:12]


def model_hash(files: Mapping[str, str]) -> str:
    """`sha256_folder` of the model in a bundle, from the bundle's hashes by path."""
    beside = (f"{REPORTS}/", f"{PROCESS}/")
    return sha256_json({k: v for k, v in files.items() if not k.startswith(beside)})


def process_hash(files: Mapping[str, str]) -> str | None:
    """The same of the process model in a bundle; None if it has none."""
    prefix = f"{PROCESS}/"
    own = {k.removeprefix(prefix): v for k, v in files.items() if k.startswith(prefix)}
    return sha256_json(own) if own else None


def hashes(files: Mapping[str, Path]) -> dict[str, str]:
    """sha256 by name of files given by name."""
    return {name: sha256_file(path) for name, path in sorted(files.items())}


def bundle_files(folder: Path) -> dict[str, Path]:
    """Everything in a bundle or a model's folder that is no folder, by path in it."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def read_manifest(folder: Path) -> Manifest:
    """Raises RewardGateError if the folder has no manifest, or one that cannot be read."""
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise RewardGateError(f"{folder}: no promoted bundle ({MANIFEST} is missing)") from None
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden" and misnamed(folder) is None:
            raise RewardGateError(
                f"{path}: written by a newer rewardgate ({first['loc'][0]} is unknown); update "
                "this one"
            ) from None
        key = ".".join(str(part) for part in first["loc"])
        fault = f"{key}: {first['msg']}" if key else first["msg"]
        raise RewardGateError(f"{path}: altered, it is no manifest ({fault})") from None


def altered(folder: Path, manifest: Manifest) -> list[str]:
    """The files of a bundle that are not as its manifest has them, each with what is wrong."""
    found = bundle_files(folder)
    wrong = []
    for name in sorted({*manifest.files, *found} - {MANIFEST, SIGNATURE}):
        if name not in manifest.files:
            wrong.append(f"{name}: not in the manifest")
        elif name not in found:
            wrong.append(f"{name}: missing")
        elif found[name].is_symlink() or sha256_file(found[name]) != manifest.files[name]:
            wrong.append(f"{name}: altered")
    return wrong


def misnamed(folder: Path) -> str | None:
    """What is wrong with a manifest whose hash is not the name of its folder; None if nothing.

    Raises OSError if there is no manifest.
    """
    version = sha256_file(folder / MANIFEST)[:12]
    if folder.resolve().name == version:
        return None
    return f"{MANIFEST}: altered, its hash {version} is not the name of the folder"
