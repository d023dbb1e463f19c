"""The one error a user is meant to read."""

import errno
import sys
from collections.abc import Callable

BAD_INPUT = 2
"""Exit code for input, settings or files that the user must mend."""

BLOCKED = 3
"""Exit code for a promotion that the gate refused."""

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a disk, or of a quota, without space."""


class RewardGateError(Exception):
    """Input that the user can mend. The message is one line: place, fault, mend."""


def run_or_explain(main: Callable[[], int | None]) -> int:
    """Run `main` and turn errors that the user can mend into one line on stderr.

    Returns the exit code: what `main` returned (None is 0), or `BAD_INPUT`.
    Any other exception is a defect of ours and keeps its traceback.
    """
    try:
        return main() or 0
    except (RewardGateError, OSError) as error:
        print(f"rewardgate: {in_a_line(error)}", file=sys.stderr)
    return BAD_INPUT


def in_a_line(error: RewardGateError | OSError) -> str:
    """What the user is told of an error."""
    if isinstance(error, RewardGateError):
        return str(error)
    place = f"{error.filename}: " if error.filename else ""
    mend = "; free some and run it again" if error.errno in FULL else ""
    return f"{place}{error.strerror or error}{mend}"
