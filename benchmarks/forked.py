"""Python commands forked from one process that has loaded the libraries.

A stage spends seconds on imports, and in a small project a moment on its work. Here
`python -m MODULE` is the same module in a process of its own, forked from a server that has
imported what others wrote (and nothing of the project): many pipelines take less time, and random
kills fall into the work.
"""

import os
import runpy
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CLIENT = """
import array, json, os, signal, socket, struct, sys
asked = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
asked.connect(sys.argv[1])
said = json.dumps([os.getpid(), os.getcwd(), sys.argv[2:], dict(os.environ)]).encode()
fds = array.array("i", [0, 1, 2])
asked.sendmsg([struct.pack("I", len(said))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
asked.sendall(said)
status = asked.recv(4)
if len(status) < 4:
    sys.exit("the fork server is gone")
code = struct.unpack("i", status)[0]
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""

LIBRARIES = (
    "dvc.cli", "dvc.commands.repro", "dvc.repo.reproduce", "dvc_data.hashfile",
    "great_expectations", "matplotlib.pyplot", "pandas", "pyarrow.parquet", "scipy.stats",
    "sklearn.linear_model", "torch", "transformers.models.auto.modeling_auto",
    "transformers.models.llama.modeling_llama", "peft", "accelerate", "jinja2", "datasketch",
    "cryptography.hazmat.primitives.serialization", "prefect.flows", "prefect.server.api.server",
    "uvicorn.main", "aiosqlite", "rich.table", "ruamel.yaml", "regex", "math_verify", "py3langid",
)  # fmt: skip
"""What the commands import of others; one that is missing is imported by the command itself."""


@contextmanager
def fork_server(folder: Path, environment: dict[str, str]) -> Iterator[Path]:
    """Serve forks meanwhile; yields a folder with the command `python`, to be put on the path.

    folder: where socket and command are put, and `pids`, with a file of each process's pid
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "pids").mkdir(parents=True)
    (folder / "client.py").write_text(CLIENT, encoding="utf-8")
    python = folder / "python"
    base = getattr(sys, "_base_executable", sys.executable)
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -m ] || exec {sys.executable} "$@"\n'
        f'exec {base} -I -S {folder}/client.py {folder}/socket "$@"\n',
        encoding="utf-8",
    )
    python.chmod(0o755)
    command = [sys.executable, "-m", "benchmarks.forked", str(folder)]
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        while not (folder / "socket").exists():
            if server.poll() is not None:
                raise SystemExit("the fork server did not start; its error stands above")
            time.sleep(0.1)
        yield folder
    finally:
        server.kill()
        server.wait()


def serve(folder: Path) -> None:
    """Fork a process for each command that a client asks for, until killed."""
    for name in LIBRARIES:
        try:
            __import__(name)
        except ImportError:
            print(f"fork server: no {name}", file=sys.stderr)
    sys.executable = str(folder / "python")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(folder / "starting"))
    listening.listen(64)
    listening.settimeout(0.02)
    os.rename(folder / "starting", folder / "socket")
    waiting: dict[int, socket.socket] = {}
    while True:
        try:
            client, _ = listening.accept()
        except TimeoutError:
            client = None
        if client is not None:
            child = os.fork()
            if child == 0:
                listening.close()
                _become(client, folder)
            waiting[child] = client
        for child, client in waiting.items():
            if _is_gone(client):
                os.kill(child, signal.SIGTERM)
        while waiting:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                break
            (folder / "pids" / str(child)).unlink(missing_ok=True)
            with suppress(OSError), waiting.pop(child) as client:  # it may have been killed
                client.sendall(struct.pack("i", os.waitstatus_to_exitcode(status)))


def _is_gone(client: socket.socket) -> bool:
    """Whether the client was killed: what is done to it is meant for the command."""
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _become(client: socket.socket, folder: Path) -> None:
    """In the forked process: be the command that the client asks for, to its end."""
    import json

    head, ancillary, *_ = client.recvmsg(4, socket.CMSG_SPACE(3 * 4))
    fds = array("i")
    fds.frombytes(ancillary[0][2][: 3 * fds.itemsize])
    said = b""
    while len(said) < struct.unpack("I", head)[0]:
        said += client.recv(65536)
    client.close()
    pid, cwd, arguments, environment = json.loads(said)
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
        os.close(fd)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    (folder / "pids" / str(os.getpid())).write_text(
        f"{pid} {' '.join(arguments)}", encoding="utf-8"
    )
    paths = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [cwd, *filter(None, paths)]
    code: object = 0
    try:
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    except SystemExit as exited:
        code = exited.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    import atexit
    import threading

    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
