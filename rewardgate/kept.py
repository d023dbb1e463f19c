"""Folders of work done before, each named by the hash of what makes it, so it is not done again."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from rewardgate.files import atomic_folder

LOCK = ".lock"


class Keep(Protocol):
    def __call__(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder of that name; if it is not there, `make` fills it first."""


@contextmanager
def kept_folders(parent: Path) -> Iterator[Keep]:
    """Yield what finds or makes a folder in `parent`; at the end, all others there are removed.

    If the block fails they stay. Another process that asks for the same parent waits until the
    block ends, so none removes what the other uses; the lock of a killed process is free.
    """
    used: set[str] = set()

    def keep(name: str, make: Callable[[Path], None]) -> Path:
        used.add(name)
        folder = parent / name
        if not folder.is_dir():
            with atomic_folder(folder) as temporary:
                make(temporary)
        return folder

    parent.mkdir(parents=True, exist_ok=True)
    with FileLock(parent / LOCK):
        yield keep
        for folder in parent.iterdir():
            if folder.is_dir() and folder.name not in used:
                shutil.rmtree(folder)
