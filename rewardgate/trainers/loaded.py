"""One bundle a process, whoever asks for it and from whichever thread."""

from functools import cache
from pathlib import Path
from threading import RLock

from rewardgate.bundle import Promoted, load_promoted

ONE_AT_A_TIME = RLock()
"""Held while a bundle loads or scores: veRL calls from many threads, tokenizers serve one."""


def loaded(path: str | Path, public_key: str | Path | None = None) -> Promoted:
    """What `load_promoted` gives, loaded once a process: a run keeps the version it began with.

    Raises what `load_promoted` raises.
    """
    with ONE_AT_A_TIME:
        return _load(Path(path).absolute(), public_key and Path(public_key).absolute())


@cache
def _load(path: Path, public_key: Path | None) -> Promoted:
    return load_promoted(path, public_key)
