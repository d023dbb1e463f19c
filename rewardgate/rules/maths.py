"""The rule on mathematical answers: symbolic equality by math-verify, in a process of its own.

math-verify stops long comparisons with SIGALRM, which works in a main thread only and not inside
one long operation on integers (10**10**10). So it runs in a worker process, in its main thread,
under a memory limit, and a worker that does not answer is killed and replaced.
"""

import atexit
import json
import os
import select
import subprocess
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from rewardgate.rules.correctness import required_reference
from rewardgate.rules.patterns import Pattern, last_group

MAX_CHARS = 10_000
"""Of a response, the last this many are read."""

TAG = r"(?s)<answer>(.*?)</answer>"

STARTING_SECONDS = 60.0

Seconds = Annotated[int, Field(ge=1, le=60)]


def equal(
    prompt: str,
    response: str,
    reference: Any,
    *,
    answer: Pattern | None = None,
    seconds: Seconds = 3,
) -> float:
    r"""1 if the answer equals the reference symbolically (1/2 = 0.5 = \frac{2}{4}), else 0.

    The answer is what math-verify finds in the response's last <answer> tag if there is one, else
    in the response: all \boxed{} taken together as a set, so that a list of guesses equals no one
    of them, else the last formula or number.
    answer: another regular expression than the tag's; the text is group 1 of its last match, and
        without a match the value is 0
    seconds: of one parse or comparison, after which math-verify gives up and the value is 0
    Raises ValueError if the reference is no mathematics, TimeoutError where a single operation
    outlasts 4 * seconds.
    """
    wanted = required_reference(reference)
    part = last_group(answer or TAG, response)
    if part is None and answer is not None:
        return 0.0
    given = response if part is None else part
    request = {
        "wanted": wanted,
        "given": given[-MAX_CHARS:],
        "bare": part is not None,
        "seconds": seconds,
    }
    reply = _worker.ask(request, 4.0 * seconds)
    if "error" in reply:
        raise ValueError(reply["error"])
    return float(reply["equal"])


class _Worker:
    """One process at a time, for all threads of this process; not shared with forked ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        with self._lock:
            process = self._started()
            assert process.stdin is not None
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            line = self._line(process, seconds)
            if not line:
                self.stop()
                raise TimeoutError(f"the comparison took more than {seconds:g} s or its memory")
            return json.loads(line)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            program = Path(__file__).with_name("maths_worker.py")
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._owner = os.getpid()
            if self._line(self._process, STARTING_SECONDS) != b"ready\n":
                self.stop()
                raise RuntimeError("the process for mathematics does not start")
        return self._process

    @staticmethod
    def _line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
        """One line, or nothing if none comes in time or the process has ended."""
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        return process.stdout.readline() if ready else b""

    def stop(self) -> None:
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
        self._process = None


_worker = _Worker()
atexit.register(_worker.stop)
os.register_at_fork(after_in_child=lambda: _worker.__init__())  # type: ignore[misc]
