"""Prefect's temporary server, which ends with the run that started it, however that ends."""

import subprocess
import sys
from typing import Any

from prefect.server.api.server import SubprocessASGIServer

WATCH = """
import contextlib, psutil, sys
with contextlib.suppress(psutil.NoSuchProcess):
    server = psutil.Process(int(sys.argv[1]))
    sys.stdin.read()
    server.kill()
"""
"""Kills a process once whoever holds the other end of its input is gone."""


class TemporaryServer(SubprocessASGIServer):
    """Prefect starts and uses the first one made; it is not started before it is used.

    Prefect stops its server as Python exits, which Python does not do when it is killed.
    """

    def _run_uvicorn_command(self) -> "subprocess.Popen[Any]":
        server = super()._run_uvicorn_command()
        self._watch = subprocess.Popen(
            [sys.executable, "-I", "-c", WATCH, str(server.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return server
