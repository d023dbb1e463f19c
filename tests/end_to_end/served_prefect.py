"""A real Prefect server and worker on loopback, started by the commands of docs/schedules.md."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import requests
from project import Project

T = TypeVar("T")


@contextmanager
def prefect_server(folder: Path) -> Iterator[str]:
    """Address of the API of a server with a database of its own; stopped at the end."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    environment = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
    }
    command = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running(Project(folder), command, environment):
        wait_for(lambda: healthy(url), "the server answers", 120)
        yield url


@contextmanager
def running(project: Project, command: list[str], environment: dict[str, str]) -> Iterator[None]:
    """A command that runs meanwhile, in a group of processes that is stopped at the end."""
    log = project.path / f"{command[1]}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=project.path,
            env={**project.environment, **environment},
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Address of an HTTP server, and the JSON bodies that were posted to it."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/failed", posted
    finally:
        server.shutdown()


def post(url: str, path: str, **body: Any) -> Any:
    """What the server's API answers."""
    answer = requests.post(f"{url}/{path}", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()


def runs(url: str, flow: str) -> list[dict[str, Any]]:
    """Runs of a flow that have started or ended, in the order of their start."""
    found = post(url, "flow_runs/filter", flows={"name": {"any_": [flow]}})
    return sorted((run for run in found if run["start_time"]), key=lambda run: run["start_time"])


def wait_for(found: Callable[[], T], what: str, seconds: float) -> T:
    """The first true value that `found` gives; an assertion fails if there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def healthy(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).ok
    except requests.ConnectionError:
        return False


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
