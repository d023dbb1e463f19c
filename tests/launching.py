"""Scripts of this folder run in processes of their own, in one or in two that share the work."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def launch(
    script: str,
    *arguments: object,
    launcher: list[str] | None = None,
    cwd: Path | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run a script, in as many processes as `launcher` says; returns it with its output as text."""
    return subprocess.run(
        [sys.executable, *(launcher or []), str(HERE / script), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (HERE.parent, HERE)))},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
