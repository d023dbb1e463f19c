"""The promoted versions of a project: which is current, and how that changes."""

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from filelock import FileLock, Timeout

from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, sweep
from rewardgate.history import append, read_history
from rewardgate.manifest import MANIFEST, Manifest, Override, read_manifest
from rewardgate.promotion import CURRENT, PREVIOUS, VERDICT, point, publish, require_intact

CHAMPION = "champion"
"""Another name of the current version."""

LOCK = ".lock"
LOCK_SECONDS = 600.0
"""A second promotion waits this long for the first."""


@contextmanager
def promotion_lock(promoted: Path, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Only one command at a time changes what is promoted; the lock of a killed one is free.

    Raises RewardGateError if another one holds it all the while.
    """
    promoted.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(promoted / LOCK, timeout=seconds):
            yield
    except Timeout:
        raise RewardGateError(
            f"{promoted / LOCK}: another promotion has held it for {seconds:g} s; wait for it to "
            "end, or stop it"
        ) from None


def promote(
    files: Mapping[str, Path],
    manifest: Manifest,
    promoted: Path,
    key: Ed25519PrivateKey | None,
) -> tuple[Path, bool]:
    """Publish a bundle (see `promotion.publish`) under the lock, and write it in the history.

    Raises RewardGateError if the history is broken, with nothing changed.
    """
    override = manifest.override
    with promotion_lock(promoted):
        before = _settle(promoted)
        folder, moved = publish(files, manifest, promoted, key)
        if moved:
            append(
                promoted,
                "override" if override else "promote",
                folder.name,
                before,
                override.by if override else user(),
                override.reason if override else None,
            )
    return folder, moved


def rollback(
    promoted: Path, version: str, reason: str, public_key: Path | None
) -> tuple[str | None, str]:
    """Make an earlier version current again; returns the versions before and after.

    version: as in `find_version`
    Raises RewardGateError if it is current already or not as promoted; nothing changes then.
    """
    with promotion_lock(promoted):
        before = _settle(promoted)
        folder = find_version(promoted, version)
        if folder.name == before:
            raise RewardGateError(f"{folder}: is current already; name another version")
        require_intact(folder, public_key)
        point(promoted, folder.name)
        append(promoted, "rollback", folder.name, before, user(), reason)
    return before, folder.name


def find_version(promoted: Path, version: str) -> Path:
    """Folder of a version: `current` or `champion`, `previous`, or the beginning of its name.

    Raises RewardGateError if there is none of that name, or more than one.
    """
    name = CURRENT if version == CHAMPION else version
    if name in (CURRENT, PREVIOUS):
        if (promoted / name).exists():
            return promoted / (promoted / name).resolve().name
        raise RewardGateError(f"{promoted / name}: no such version; `rewardgate list` shows them")
    found = [folder for folder in all_versions(promoted) if folder.name.startswith(name)]
    if len(found) != 1:
        known = ", ".join(folder.name for folder in found or all_versions(promoted)) or "none"
        which = "more than one version" if found else "no such version"
        raise RewardGateError(f"{promoted / version}: {which}; promoted are {known}")
    return found[0]


def all_versions(promoted: Path) -> list[Path]:
    """Folders of all versions, in the order in which they were first promoted."""
    folders = {
        path.name: path
        for path in sorted(promoted.glob("[!.]*"))
        if not path.is_symlink() and (path / MANIFEST).is_file()
    }
    order = {entry.version: -entry.number for entry in reversed(read_history(promoted))}
    return sorted(folders.values(), key=lambda folder: -order.get(folder.name, 1))


def summary(folder: Path) -> dict[str, Any]:
    """What `list`, `show` and `diff` tell of a version: figures, settings, data, code."""
    manifest = read_manifest(folder)
    metrics = read_json(folder / VERDICT).get("metrics", {})
    return {
        "metrics": {
            **{name: value for name, value in metrics.items() if name != "domains"},
            **{f"accuracy, {name}": value for name, value in metrics.get("domains", {}).items()},
        },
        "params": _flat(manifest.params),
        "data": dict(manifest.data),
        "code": {"commit": manifest.git.commit, "changed": ", ".join(manifest.git.changed_files)},
        "environment": dict(manifest.environment),
        "model": {"sha256": manifest.model_sha256},
    }


def differences(a: Path, b: Path) -> list[tuple[str, str, Any, Any]]:
    """What differs between two versions: (part, name, value in a, value in b)."""
    first, second = summary(a), summary(b)
    return [
        (part, name, first[part].get(name), second[part].get(name))
        for part in first
        for name in dict.fromkeys([*first[part], *second[part]])
        if first[part].get(name) != second[part].get(name)
    ]


def user() -> str:
    """Who runs this command, by the operating system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _settle(promoted: Path) -> str | None:
    """Make up for a promotion that was killed; the current version.

    What it left half written is removed. If the history names another version than the current
    one, that is written in it: an override as such, by whom and why, since it must stay known.
    """
    sweep(promoted)
    current = (promoted / CURRENT).resolve().name if (promoted / CURRENT).exists() else None
    entries = read_history(promoted)
    last = entries[-1].version if entries else None
    if current is not None and current != last:
        override = _override(promoted / current)
        known = {entry.version for entry in entries if entry.action == "override"}
        if override is not None and current not in known:
            append(promoted, "override", current, last, override.by, override.reason)
        else:
            append(promoted, "found", current, last, "unknown", None)
    return current


def _override(folder: Path) -> Override | None:
    try:
        return read_manifest(folder).override
    except RewardGateError:
        return None


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names; entries of a list of named ones by their name."""
    if isinstance(values, list) and all(isinstance(one, dict) and "name" in one for one in values):
        values = {one["name"]: one for one in values}
    if not isinstance(values, dict) or not values:
        return {prefix: values}
    return {
        key: value
        for name, one in values.items()
        for key, value in _flat(one, f"{prefix}.{name}" if prefix else str(name)).items()
    }
