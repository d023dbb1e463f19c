"""Publishing a judged model: whole or not at all, beside and never over what was there."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rewardgate.errors import RewardGateError
from rewardgate.files import (
    atomic_folder,
    atomic_path,
    read_json,
    sha256_file,
    sha256_folder,
    write_text,
)
from rewardgate.manifest import (
    MANIFEST,
    REPORTS,
    Git,
    Manifest,
    altered,
    hashes,
    misnamed,
    read_manifest,
)
from rewardgate.signing import require_signature, sign

CURRENT, PREVIOUS = "current", "previous"
"""Links beside the versions: to the promoted one, and to the one before it."""

VERDICT = f"{REPORTS}/verdict.json"
"""The verdict in a bundle."""

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
RECORDED_WHOLE = (":!dvc.lock", ":!params.yaml", ":(exclude,glob)**/.gitignore")
"""What git need not vouch for: the manifest holds the content of the first two, and DVC writes
the last."""


def require_unchanged(verdict: dict[str, Any], model: Path, process: Path) -> None:
    """Raises RewardGateError if a model, data or a report is not what the gate judged.

    process: the process model, which plays a part where the verdict names one
    Nor may a report have measured another model or another calibration set than the gate saw.
    """
    for path, judged in {**verdict["reports"], **verdict["data"]}.items():
        if not Path(path).is_file() or sha256_file(path) != judged:
            raise RewardGateError(f"{path}: changed after the gate judged it; run the gate again")
    for folder, judged in ((model, "model_sha256"), (process, "process_sha256")):
        if judged in verdict and sha256_folder(folder) != verdict[judged]:
            raise RewardGateError(f"{folder}: changed after the gate judged it; run the gate again")
    reports = {path: read_json(path) for path in verdict["reports"]}
    if fault := misattributed(reports, verdict):
        raise RewardGateError(f"{fault}; run the stage that writes it, and the gate, again")


def misattributed(reports: Mapping[str, Any], verdict: Mapping[str, Any]) -> str | None:
    """A report that measured another model or calibration set than the verdict names, if any.

    reports: by path; those of one model say which in `model_sha256`, of a process model in
        `process_sha256`
    """
    data = verdict["data"]
    calibration_set = next((data[path] for path in data if Path(path).stem == "calibration"), None)
    for path, report in reports.items():
        for key in ("model_sha256", "process_sha256"):
            if key in report and report[key] != verdict.get(key):
                return f"{path}: measured another model than the one that was judged"
        if report.get("calibration_set_sha256", calibration_set) != calibration_set:
            return f"{path}: fixed on another calibration set than the one that was judged"
    return None


def make_manifest(
    files: Mapping[str, Path], verdict: dict[str, Any], params: dict[str, Any], lock: Path
) -> Manifest:
    """What a promotion holds and rests on.

    files: those of the bundle, by path in it
    params: the content of params.yaml; its section `promote` says how to sign and is left out
    """
    return Manifest(
        verdict=verdict["verdict"],
        model_sha256=verdict["model_sha256"],
        files=hashes(files),
        data=verdict["data"],
        params={name: value for name, value in params.items() if name != "promote"},
        dvc_lock=lock_stages(lock),
        git=git_state(),
        environment=environment(),
    )


def environment() -> dict[str, str]:
    """Versions that decide the bytes of a model."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: version(name) for name in LIBRARIES},
    }


def lock_stages(path: Path) -> dict[str, Any]:
    """The stages of dvc.lock that the verdict rests on, `gate` among them.

    `promote` is not, since DVC writes it after the promotion, nor is what was run beside the
    pipeline: the same verdict is the same promotion, whatever else the project holds.
    Raises RewardGateError if the file is missing or no lock file.
    """
    try:
        stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
        needed = ["gate"]
        for name in needed:  # grows as it goes
            read = [dep["path"] for dep in stages[name].get("deps", [])]
            makers = (other for other, at in stages.items() if _makes(at.get("outs", []), read))
            needed += [other for other in makers if other not in needed]
    except FileNotFoundError:
        raise RewardGateError(f"{path}: no such file; promote through `dvc repro`") from None
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        raise RewardGateError(
            f"{path}: cut off or altered, it is no lock file; `git checkout {path}`, or remove it, "
            "and run again"
        ) from None
    return {name: stages[name] for name in sorted(needed)}


def _makes(outs: Sequence[Mapping[str, Any]], paths: Sequence[str]) -> bool:
    """Whether one of the paths is an output, lies in one or holds one."""
    return any(
        f"{path}/".startswith(f"{out['path']}/") or f"{out['path']}/".startswith(f"{path}/")
        for out in outs
        for path in paths
    )


def git_state() -> Git:
    """Commit of the working tree, and the tracked files that differ from it."""

    def git(*arguments: str) -> str:
        run = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
        return run.stdout if run.returncode == 0 else ""

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", *RECORDED_WHOLE)
    return Git(
        commit=git("rev-parse", "--verify", "--quiet", "HEAD").strip() or None,
        changed_files=sorted(line[3:] for line in changed.splitlines()),
    )


def publish(
    files: Mapping[str, Path],
    manifest: Manifest,
    promoted: Path,
    key: Ed25519PrivateKey | None = None,
) -> tuple[Path, bool]:
    """Publish a bundle under `promoted`, named after its manifest, and point `current` at it.

    files: those of the bundle, by path in it
    Returns the folder of the version and whether `current` moved. The version is written under
    another name and renamed, then the link `current` is replaced; each is one atomic step, so
    that `current` always names a whole bundle. Versions published earlier are not touched.
    Raises RewardGateError if a file is not as the manifest has it.
    """
    target = promoted / manifest.version()
    if not target.exists() or misnamed(target) or altered(target, manifest):
        with atomic_folder(target) as folder:
            for name, source in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, folder / name)
            write_text(folder / MANIFEST, manifest.text())
            if faults := altered(folder, manifest):
                raise RewardGateError(f"{'; '.join(faults)} while it was copied; promote it again")
    if key is not None:
        sign(target, key)
    return target, point(promoted, target.name)


def point(promoted: Path, version: str) -> bool:
    """Make a version current and the one before it `previous`; whether `current` moved."""
    before = os.readlink(promoted / CURRENT) if (promoted / CURRENT).is_symlink() else None
    if before == version:
        return False
    for name, target in ((PREVIOUS, before), (CURRENT, version)):
        if target is not None:
            with atomic_path(promoted / name) as temporary:
                temporary.symlink_to(target)
    return True


def is_current(verdict: Path, promoted: Path) -> bool:
    """Whether what is promoted rests on this very verdict, the file verdict.json."""
    current = current_version(promoted)
    if current is None or not verdict.is_file():
        return False
    return current[1].files.get(VERDICT) == sha256_file(verdict)


def current_version(promoted: Path) -> tuple[Path, Manifest] | None:
    """Folder and manifest of the promoted model; None if nothing was ever promoted."""
    folder = promoted / CURRENT
    if not folder.exists():
        return None
    return folder.resolve(), read_manifest(folder.resolve())


def require_intact(folder: Path, public_key: Path | None) -> Manifest:
    """The manifest of a bundle whose every file is as recorded.

    public_key: with it, the manifest must be signed by its other half
    Raises RewardGateError that names each altered file, or the fault of the signature.
    """
    manifest = read_manifest(folder)
    faults = [fault for fault in (misnamed(folder),) if fault] + altered(folder, manifest)
    if faults:
        raise RewardGateError(
            f"{folder}: {'; '.join(faults)}; restore the bundle or promote it again"
        )
    if manifest.verdict != "promoted" and manifest.override is None:
        raise RewardGateError(f"{folder}: its verdict is {manifest.verdict}; promote another")
    if public_key is not None:
        require_signature(folder, public_key)
    return manifest
