"""Making a promotion again from its git commit and its data, in a clean clone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from rewardgate.champion import CURRENT, NONE
from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, write_text
from rewardgate.manifest import PROCESS, REPORTS, Manifest, bundle_files, hashes
from rewardgate.promotion import VERDICT, environment
from rewardgate.verification import Finding
from rewardgate.wording import counted

PROMOTED, CANDIDATE = Path("models/promoted"), Path("models/candidate")
PROCESS_MODEL = Path("models/process")


def rederive(folder: Path, manifest: Manifest) -> list[Finding]:
    """Run the pipeline to `gate` in a clone of the project (the current folder), compare hashes.

    The clone is of the recorded commit, with the recorded params. Nothing of the pipeline's is
    taken over: every stage runs. What neither git nor a stage makes (rankings from outside) comes
    from DVC's cache or remote by its recorded hash, or else from the project's folder.
    Raises RewardGateError if the promotion cannot be made again, with the reason.
    """
    commit = _commit(manifest)
    with TemporaryDirectory(prefix="rewardgate-rederive-") as temporary:
        clone = _clone(commit, Path(temporary) / "clone")
        write_text(clone / "params.yaml", yaml.safe_dump(manifest.params, sort_keys=False))
        for path, md5 in _outside(manifest).items():
            _restore(path, md5, clone)
        _place_champion(folder, manifest, clone)
        _place_start(folder, clone)
        _run(clone, sys.executable, "-m", "dvc", "repro", "--force", "gate")
        return list(_compare(manifest, clone))


def _commit(manifest: Manifest) -> str:
    commit, changed = manifest.git.commit, manifest.git.changed_files
    if commit is None:
        raise RewardGateError("promoted outside a git repository, so its code cannot be found")
    if changed:
        raise RewardGateError(
            f"promoted with uncommitted changes ({', '.join(changed)}); commit them and promote "
            "again"
        )
    if _quietly("git", "cat-file", "-e", f"{commit}^{{commit}}") is None:
        raise RewardGateError(f"commit {commit} is not in this repository; fetch it")
    return commit


def _clone(commit: str, target: Path) -> Path:
    """The project's folder in a clone of its repository at `commit`."""
    top = (_quietly("git", "rev-parse", "--show-toplevel") or "").strip()
    prefix = (_quietly("git", "rev-parse", "--show-prefix") or "").strip()
    _run(Path.cwd(), "git", "clone", "--quiet", "--no-hardlinks", "--no-checkout", top, str(target))
    _run(target, "git", "checkout", "--quiet", "--detach", commit)
    return target / prefix


def _outside(manifest: Manifest) -> dict[str, str | None]:
    """Paths that the stages read and none of them makes, with DVC's hash where it has one."""
    stages = manifest.dvc_lock.values()
    made = {out["path"] for stage in stages for out in stage.get("outs", [])}
    read = {dep["path"]: dep.get("md5") for stage in stages for dep in stage.get("deps", [])}
    base = manifest.params.get("train", {}).get("base", "")
    if Path(base).is_dir():
        read[base] = None
    return {
        path: md5
        for path, md5 in read.items()
        if not Path(path).is_absolute() and not any(Path(path).is_relative_to(one) for one in made)
    }


def _restore(path: str, md5: str | None, clone: Path) -> None:
    """Bring a file or folder that git does not have into the clone, if it is not there."""
    target = clone / path
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if md5 is not None and _from_dvc(target, md5, clone):
        return
    if not Path(path).exists():
        raise RewardGateError(
            f"{path}: neither in git, nor in DVC's cache (md5 {md5}), nor in this folder; "
            "restore it, or `dvc pull` it"
        )
    (shutil.copytree if Path(path).is_dir() else shutil.copy)(path, target)


def _from_dvc(target: Path, md5: str, clone: Path) -> bool:
    """Whether DVC's cache or its remote had the content `md5`, which is then at `target`."""
    pointer = target.with_name(f"{target.name}.dvc")
    known = pointer.read_text(encoding="utf-8") if pointer.exists() else None
    out = {"md5": md5, "hash": "md5", "path": target.name}
    write_text(pointer, yaml.safe_dump({"outs": [out]}))
    cache = (_quietly(sys.executable, "-m", "dvc", "cache", "dir") or "").strip()
    dvc = (sys.executable, "-m", "dvc")
    _quietly(*dvc, "config", "--local", "cache.dir", cache, cwd=clone)
    _quietly(*dvc, "fetch", str(pointer), cwd=clone)
    found = _quietly(*dvc, "checkout", str(pointer), cwd=clone) is not None and target.exists()
    _quietly(*dvc, "config", "--local", "--unset", "cache.dir", cwd=clone)
    pointer.unlink()
    if known is not None:
        write_text(pointer, known)
    return found


def _place_champion(folder: Path, manifest: Manifest, clone: Path) -> None:
    """Let the clone have the champion that the candidate was compared with."""
    champion = read_json(folder / VERDICT)["champion"]
    setting = manifest.params["gate"]["champion"]
    if champion is None or setting == NONE:
        return
    source = (folder.parent / champion["version"]) if setting == CURRENT else Path(setting)
    if not source.is_dir():
        raise RewardGateError(f"{source}: the champion it was compared with is gone; restore it")
    if setting != CURRENT:
        _link(source, clone)
        return
    promoted = clone / PROMOTED
    promoted.mkdir(parents=True, exist_ok=True)
    (promoted / champion["version"]).symlink_to(source.resolve())
    (promoted / CURRENT).symlink_to(champion["version"])


def _place_start(folder: Path, clone: Path) -> None:
    """Let the clone have the promoted model whose weights the training started from."""
    report = folder / REPORTS / "train.json"
    start = read_json(report).get("start") if report.is_file() else None
    if start is None:
        return
    source = Path(start["bundle"])
    if not source.is_dir():
        raise RewardGateError(f"{source}: the model that training started from is gone; restore it")
    _link(source, clone)


def _link(bundle: Path, clone: Path) -> None:
    """Let the clone have a bundle at the same place; one at an absolute path it finds by itself."""
    if not bundle.is_absolute() and not (clone / bundle).exists():
        (clone / bundle).parent.mkdir(parents=True, exist_ok=True)
        (clone / bundle).symlink_to(bundle.resolve())


def _compare(manifest: Manifest, clone: Path) -> Iterator[Finding]:
    """One finding each for data, models, reports and verdict."""

    def made(recorded: Mapping[str, str]) -> dict[str, str]:
        return hashes({name: clone / name for name in recorded if (clone / name).is_file()})

    reports = {name: sha for name, sha in manifest.files.items() if name.startswith(REPORTS)}
    beside = (f"{REPORTS}/", f"{PROCESS}/")
    model = {name: sha for name, sha in manifest.files.items() if not name.startswith(beside)}
    process = {name: sha for name, sha in manifest.files.items() if name.startswith(f"{PROCESS}/")}
    parts = {
        f"{PROCESS}/{name}": path for name, path in bundle_files(clone / PROCESS_MODEL).items()
    }
    verdict = {VERDICT: reports.pop(VERDICT)}
    for what, recorded, found in (
        ("data", manifest.data, made(manifest.data)),
        ("model", model, hashes(bundle_files(clone / CANDIDATE))),
        *([("process model", process, hashes(parts))] if process else []),
        ("reports", reports, made(reports)),
        ("verdict", verdict, made(verdict)),
    ):
        names = sorted({*recorded, *found})
        different = [name for name in names if recorded.get(name) != found.get(name)]
        if different:
            more = f" and {len(different) - 1} more" if len(different) > 1 else ""
            words = f"{different[0]}{more}: other content than promoted"
            yield Finding(f"{what} again", False, words + _other_versions(manifest))
        else:
            yield Finding(f"{what} again", True, f"{counted(len(recorded), 'file')} made the same")


def _other_versions(manifest: Manifest) -> str:
    """What of the environment differs from the recorded one, in words."""
    now = environment()
    other = [
        f"{name} {now.get(name)} instead of {version}"
        for name, version in manifest.environment.items()
        if now.get(name) != version
    ]
    return f"; here is {', '.join(other)}: install what was recorded" if other else ""


def _run(folder: Path, *command: str) -> None:
    """Run a command with its output shown. Raises RewardGateError if it fails."""
    finished = subprocess.run(command, cwd=folder, env=_environment(folder), check=False)
    if finished.returncode != 0:
        raise RewardGateError(
            f"{' '.join(command[-4:])}: failed in the clean clone; its last lines say why"
        )


def _quietly(*command: str, cwd: Path | None = None) -> str | None:
    """What a command prints; None if it fails."""
    finished = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return finished.stdout if finished.returncode == 0 else None


def _environment(folder: Path) -> Mapping[str, str]:
    """The stages' own: this Python first, and the modules of that folder before installed ones."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1"}
