"""The history of promotions: one line an act, each bound to the one before it by its hash.

A line that was altered, removed or put in later breaks the chain, and the first bad one is named.
"""

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rewardgate.errors import RewardGateError

HISTORY = "history.jsonl"
SCHEMA = 1
START = "0" * 64
"""What stands for the hash before the first line."""

WAY_OUT = (
    "restore the file from a copy; or, if you accept the break, rename it, and a new history "
    "begins with what is current"
)

Action = Literal["promote", "override", "rollback", "found"]


class Entry(BaseModel):
    """One act: `version` became current in the place of `before`.

    action: `override` promoted what the gate had blocked; `found` was not done by us, or by a
        command that was killed before it could write its line
    time: UTC, ISO 8601
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = SCHEMA
    number: int
    time: str
    action: Action
    version: str
    before: str | None
    by: str
    reason: str | None
    previous_hash: str
    hash: str = ""

    def digest(self) -> str:
        """SHA-256 of all but the hash itself, which holds that of the entry before."""
        content = json.dumps(self.model_dump(exclude={"hash"}), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def read_history(promoted: Path) -> list[Entry]:
    """All entries, oldest first; empty if nothing was ever promoted.

    A last line that a killed command left unfinished is passed over.
    Raises RewardGateError that names the first entry that is not as it was written.
    """
    path = promoted / HISTORY
    if not path.is_file():
        return []
    *lines, _ = path.read_text(encoding="utf-8").split("\n")
    entries: list[Entry] = []
    for number, line in enumerate(lines, start=1):
        entry = _entry(line, f"{path}: line {number}")
        expected = entries[-1].hash if entries else START
        if entry.hash != entry.digest():
            fault = "altered, its hash is not that of its content"
        elif entry.previous_hash != expected or entry.number != number:
            fault = "it does not follow on the line before; one was removed, added or merged in"
        else:
            entries.append(entry)
            continue
        raise RewardGateError(f"{path}: line {number}: {fault}; {WAY_OUT}")
    return entries


def append(
    promoted: Path,
    action: Action,
    version: str,
    before: str | None,
    by: str,
    reason: str | None = None,
    now: datetime | None = None,
) -> Entry:
    """Write one entry to the end of the history, to disk before this returns.

    Raises RewardGateError if the chain is broken or the clock is behind the last entry.
    """
    entries = read_history(promoted)
    time = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    if entries and time < entries[-1].time:
        raise RewardGateError(
            f"the clock says {time}, before the last entry of {promoted / HISTORY} "
            f"({entries[-1].time}); set the clock right"
        )
    entry = Entry(
        number=len(entries) + 1,
        time=time,
        action=action,
        version=version,
        before=before,
        by=by,
        reason=reason,
        previous_hash=entries[-1].hash if entries else START,
    )
    entry = entry.model_copy(update={"hash": entry.digest()})
    whole = "".join(f"{one.model_dump_json()}\n" for one in entries).encode()
    promoted.mkdir(parents=True, exist_ok=True)
    with open(promoted / HISTORY, "ab") as stream:
        stream.truncate(len(whole))
        stream.write(f"{entry.model_dump_json()}\n".encode())
        stream.flush()
        os.fsync(stream.fileno())
    return entry


def overrides(entries: list[Entry]) -> list[dict[str, str | None]]:
    """Every promotion against the gate's verdict: its version, by whom and why."""
    return [
        {"version": entry.version, "by": entry.by, "reason": entry.reason}
        for entry in entries
        if entry.action == "override"
    ]


def _entry(line: str, place: str) -> Entry:
    try:
        content = json.loads(line)
        if isinstance(content, dict) and content.get("schema_version", 0) > SCHEMA:
            raise RewardGateError(f"{place}: written by a newer rewardgate; update this one")
        return Entry.model_validate(content)
    except (ValueError, ValidationError, TypeError) as error:
        told = " ".join(str(error).split())[:120]
        raise RewardGateError(f"{place}: no entry ({told}); {WAY_OUT}") from None
