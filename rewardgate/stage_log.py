"""The log of the stages: when each ran, how long, in how much memory, and what it counted.

What a stage makes depends on its inputs alone and is hashed by DVC; a clock must not enter it. So
what differs from run to run stands here, in a folder that neither git nor DVC tracks.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOG = Path("logs/stages.jsonl")


def append(path: Path, event: Mapping[str, Any]) -> None:
    """Add one event as a line of JSON, whole even if other processes write at the same time.

    A line that an earlier writer left unfinished is closed first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b", buffering=0) as stream:
        stream.seek(max(stream.seek(0, os.SEEK_END) - 1, 0))
        start = b"" if stream.read(1) in (b"", b"\n") else b"\n"
        stream.write(start + json.dumps(event, ensure_ascii=False).encode() + b"\n")


def read(path: Path) -> list[dict[str, Any]]:
    """The events in the order in which they were written; none if there is no log yet.

    A line that is no event, such as one cut off by a full disk, is passed over.
    """
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [event for line in lines if (event := _event(line)) is not None]


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    known = isinstance(event, dict) and {"event", "run", "stage", "time"} <= event.keys()
    return event if known else None
