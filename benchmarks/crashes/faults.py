"""What else goes wrong: no disk, no remote, a damaged cache, a cut-off table, no server."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.crashes.project import BEGINS, PROMOTED, TARGETS, Project, Undisturbed
from benchmarks.crashes.watch import Watch
from rewardgate.stage_order import stages_up_to

BY_DVC = ("python", "-m", "dvc", "repro", *TARGETS)
BY_FLOW = ("python", "-m", "flows.retrain")
EVERY_TABLE = "*.parquet"


@dataclass(frozen=True)
class Outcome:
    """What a disturbed run told, and what the next one ended with.

    told: the line that said what to mend, None if the run got over it by itself
    same: whether the next run that nothing disturbs ends as the undisturbed one
    loadable: whether the champion could be loaded all the while
    """

    what: str
    told: str | None
    same: bool
    loadable: bool


def told(output: str) -> str:
    """The line that is meant for the user: ours, or else DVC's last error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    ours = [line for line in lines if line.startswith("rewardgate: ")]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (ours or errors or lines or [""])[-1]


def full_disk(before: Project, expected: Undisturbed, out: Path, seed: int) -> list[Outcome]:
    """Project, temporary files and DVC's own state on a small disk that is full again and again."""
    outcomes = []
    with small_disk(out / "disk") as disk:
        project = before.copied(disk / "project", disk)
        project.variables["TMPDIR"] = str(disk)
        ballast = disk / "ballast"
        with Watch(project.path / PROMOTED, expected.promoted.values()) as watch:
            for free in (0, 20_000, 100_000, 300_000, 600_000, 1_000_000):
                ballast.unlink(missing_ok=True)
                fill(ballast, disk, free)
                code, output = project.run(*BY_DVC)
                watch.check()
                if code == 0:
                    break
                outcomes.append((f"full disk, {free // 1000} kB left", told(output)))
            ballast.unlink(missing_ok=True)
            mended, output = project.run(*BY_FLOW)
            if mended == 0:
                mended, output = project.run(*BY_DVC)
        same = mended == 0 and not expected.differences(project)
        if not same:
            outcomes.append(("after the full disk", told(output)))
    return [Outcome(what, line, same, not watch.faults) for what, line in outcomes]


@contextmanager
def small_disk(folder: Path, mebibytes: int = 64) -> Iterator[Path]:
    """A file system in memory of that size. Raises SystemExit if it may not be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        raise SystemExit(f"{folder}: a small disk cannot be mounted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(ballast: Path, disk: Path, free: int) -> None:
    """Write zeros until so many bytes are free."""
    stat = os.statvfs(disk)
    with ballast.open("wb") as stream, contextlib.suppress(OSError):
        os.posix_fallocate(stream.fileno(), 0, max(1, stat.f_bavail * stat.f_frsize - free))


def damaged_cache(before: Project, expected: Undisturbed, out: Path, seed: int) -> list[Outcome]:
    """Files of DVC's cache cut off or altered, and what was checked out of them gone."""
    draw = random.Random(seed)
    outcomes = []
    for path in ("data/split", "reports/evaluation.json"):
        project = Project(out / "undisturbed", out, before.variables).copied(out / "damaged-cache")
        oid = next(
            o["md5"] for s in expected.lock.values() for o in s.get("outs", []) if o["path"] == path
        )
        file = project.path / f".dvc/cache/files/md5/{oid[:2]}/{oid[2:]}"
        content = bytearray(file.read_bytes())
        if draw.random() < 0.5:
            content, how = content[: len(content) // 2], "cut off"
        else:
            content[draw.randrange(len(content))] ^= 1
            how = "altered"
        file.chmod(0o644)
        file.write_bytes(content)
        file.chmod(0o444)
        lost = project.path / path
        shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
        with Watch(project.path / PROMOTED, expected.promoted.values()) as watch:
            code, output = project.run(*BY_FLOW)
            line = next((one for one in output.splitlines() if "damaged" in one), told(output))
        same = code == 0 and not differences_of_promotion(project, expected)
        outcomes.append(Outcome(f"{how} in the cache: {path}", line, same, not watch.faults))
    return outcomes


def differences_of_promotion(project: Project, expected: Undisturbed) -> list[str]:
    return expected.differences(
        project,
        [name for name in expected.lock if "process" not in name and name != "simulate_steps"],
    )


def cut_off_tables(before: Project, expected: Undisturbed, out: Path, seed: int) -> list[Outcome]:
    """Parquet files that stages read, cut off in the project's folder."""
    draw = random.Random(seed)
    readers = {
        "data/ingested/responses.parquet": "split",
        "data/split/train.parquet": "train",
        "data/split/test.parquet": "evaluate",
        "reports/scores.parquet": "gate",
    }
    outcomes = []
    project = Project(out / "undisturbed", out, before.variables).copied(out / "cut-off")
    with Watch(project.path / PROMOTED, expected.promoted.values()) as watch:
        for path, stage in readers.items():
            file = project.path / path
            content = file.read_bytes()
            file.write_bytes(content[: draw.randrange(len(content))])
            _, output = project.run("python", "-m", f"stages.{stage}")
            line = told(output)
            code, _ = project.run(*BY_DVC)
            same = code == 0 and not expected.differences(project)
            outcomes.append(Outcome(f"cut off: {path}", line, same, not watch.faults))
    return outcomes


@contextmanager
def cut_line(port: int, limit: int) -> Iterator[int]:
    """A port on loopback that leads to another, until that many bytes went through."""
    listening = socket.create_server(("127.0.0.1", 0))
    left, over = [limit], threading.Event()
    open_now: list[socket.socket] = []

    def carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(8192):
                left[0] -= len(data)
                if left[0] < 0:
                    over.set()
                    listening.close()
                    for one in open_now:
                        one.close()
                    return
                target.sendall(data)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while not over.is_set():
                client, _ = listening.accept()
                server = socket.create_connection(("127.0.0.1", port))
                open_now.extend((client, server))
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=carry, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        over.set()
        listening.close()


def cut_remote(before: Project, expected: Undisturbed, out: Path, seed: int) -> list[Outcome]:
    """An S3 server that is cut off in the middle of `dvc push`, then of `dvc pull` in a clone."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    client = boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1", **keys
    )
    client.create_bucket(Bucket="models")
    secret = {name.upper(): value for name, value in keys.items()}
    first = Project(out / "undisturbed", out, before.variables | secret).copied(out / "remote")
    first.done("python", "-m", "dvc", "remote", "add", "-d", "-f", "store", "s3://models/dvc")
    first.done("git", "add", "-A")
    first.done("git", "-c", "user.name=c", "-c", "user.email=c@example.org", "commit", "-qm", "all")
    clone = Project(out / "clone", out, first.variables)
    shutil.rmtree(clone.path, ignore_errors=True)
    first.done("git", "clone", "-q", str(first.path), str(clone.path))
    shutil.copytree(first.path / PROMOTED, clone.path / PROMOTED, symlinks=True)
    pulled = stages_up_to([TARGETS[0]])
    outcomes = []
    try:
        for project, verb in ((first, "push"), (clone, "pull")):
            with Watch(project.path / PROMOTED, expected.promoted.values()) as watch:
                lines = []
                for limit in (20_000, 200_000, 1_000_000):
                    with cut_line(port, limit) as cut:
                        code, output = transfer(project, verb, cut)
                    if code != 0:
                        lines.append((f"remote cut after {limit // 1000} kB of {verb}", output))
                code, _ = transfer(project, verb, port)
            theirs, ours = first.results(), project.results()
            same = code == 0 and all(ours[name] == theirs[name] for name in pulled)
            outcomes += [Outcome(w, told(o), same, not watch.faults) for w, o in lines]
    finally:
        server.stop()
    return outcomes


def transfer(project: Project, verb: str, port: int) -> tuple[int, str]:
    url = f"http://127.0.0.1:{port}"
    project.done("python", "-m", "dvc", "remote", "modify", "--local", "store", "endpointurl", url)
    return project.run("timeout", "120", "python", "-m", "rewardgate", verb)


def dropped_server(before: Project, expected: Undisturbed, out: Path, seed: int) -> list[Outcome]:
    """The temporary Prefect server of a run, and one of its own, killed in mid-run."""
    outcomes = []
    for stage in ("gate",):
        project = before.copied(out / "dropped-server")
        with Watch(project.path / PROMOTED, expected.promoted.values()) as watch:
            process = project.start(*BY_FLOW)
            output = []
            for line in process.stdout or ():
                output.append(line)
                if (found := BEGINS.search(line)) and found[1] == stage:
                    time.sleep(0.5)
                    kill_servers(project)
            code = process.wait()
            told_then = told("".join(output)) if code != 0 else None
            code, _ = project.run(*BY_FLOW)
        same = code == 0 and not differences_of_promotion(project, expected)
        outcomes.append(
            Outcome(f"Prefect server killed at {stage}", told_then, same, not watch.faults)
        )
    return outcomes


def kill_servers(project: Project) -> None:
    """Kill the temporary servers of the flow that runs in the project."""
    import psutil

    folder = project.home / f"fork-{os.getpid()}/pids"
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            file = folder / str(one.pid)
            command = file.read_text() if file.is_file() else " ".join(one.cmdline())
            if one.cwd() == str(project.path) and "prefect.server.api.server" in command:
                os.kill(one.pid, signal.SIGKILL)


FAULTS: dict[str, Callable[[Project, Undisturbed, Path, int], Sequence[Outcome]]] = {
    "full-disk": full_disk,
    "damaged-cache": damaged_cache,
    "cut-off-tables": cut_off_tables,
    "cut-remote": cut_remote,
    "dropped-server": dropped_server,
}
