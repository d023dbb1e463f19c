"""How glibc treats memory that is freed, where glibc it is."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Parameters of mallopt(3)."""

KEEP = {M_ARENA_MAX: 1, M_MMAP_THRESHOLD: 32 * 2**20, M_TRIM_THRESHOLD: 2**30}


def keep_freed_memory() -> None:
    """Let this process keep what it frees, for the next forward pass.

    Else the model's thread, which is not the main one, gives its activations back to the system
    after each pass and faults them in again: 6 % of its time with a small model on a CPU.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in KEEP.items():
            mallopt(parameter, value)
