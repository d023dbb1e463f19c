"""Folders of work done before, each named by the hash of what makes it, so it is not done again."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from rewardgate.files import atomic_folder

LOCK = ".lock"


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder; if it is not there, `make` fills it first."""
    if not folder.is_dir():
        with atomic_folder(folder) as temporary:
            make(temporary)
    return folder


@contextmanager
def kept_folders(parent: Path) -> Iterator[Callable[[Path], Path]]:
    """Yield what marks a folder in `parent` as used; at the end, all others there are removed.

    If the block fails they stay. Another process that asks for the same parent waits until the
    block ends, so none removes what the other uses; the lock of a killed process is free.
    """
    used: set[str] = set()

    def keep(folder: Path) -> Path:
        used.add(folder.name)
        return folder

    parent.mkdir(parents=True, exist_ok=True)
    with FileLock(parent / LOCK):
        yield keep
        for folder in parent.iterdir():
            if folder.is_dir() and folder.name not in used:
                shutil.rmtree(folder)
