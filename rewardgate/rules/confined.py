"""The sandbox from inside: process 1 of new namespaces; a job on stdin, its outcomes on stdout.

Not imported: `sandbox.py` runs this text with the bare interpreter, so it needs only the standard
library.
"""

import builtins
import contextlib
import ctypes
import json
import math
import os
import resource
import select
import signal
import sys
import threading
import time
from typing import Any

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_BIND, MS_REC = 1, 2, 4, 4096, 16384
MNT_DETACH = 2
AT_FDCWD, AT_RECURSIVE, SYS_MOUNT_SETATTR = -100, 0x8000, 442
PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 4, 38
LINUX_CAPABILITY_VERSION_3 = 0x20080522
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
FOLDER = "/work"
FILES = 32
SEAL_BYTES = 16

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: Any) -> None:
    encoded = [one.encode() if isinstance(one, str) else one for one in arguments]
    if getattr(libc, name)(*encoded) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def forbid_shared_memory() -> None:
    """System V segments and queues, which no limit of a process bounds, where the kernel lets us
    say so for this namespace alone."""
    for name in ("shmmni", "msgmni"):
        with contextlib.suppress(OSError), open(f"/proc/sys/kernel/{name}", "w") as file:
            file.write("0")


def keep_only(paths: list[str]) -> None:
    """A new root in memory with the paths and a few devices, all read-only; the old one is gone."""
    call("mount", "none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    os.mkdir("/tmp/old")
    call("pivot_root", "/tmp", "/tmp/old")
    os.chdir("/")
    for path in [*paths, *DEVICES]:
        bind(path)
    call("umount2", "/old", MNT_DETACH)
    os.rmdir("/old")
    os.mkdir(FOLDER)
    read_only = (ctypes.c_uint64 * 4)(MS_RDONLY | MS_NOSUID, 0, 0, 0)
    arguments = (ctypes.c_int(AT_FDCWD), b"/", ctypes.c_uint(AT_RECURSIVE))
    call("syscall", ctypes.c_long(SYS_MOUNT_SETATTR), *arguments, read_only, ctypes.c_size_t(32))


def bind(path: str) -> None:
    old = "/old" + path
    if not os.path.lexists(old) or os.path.exists(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.islink(old):
        os.symlink(os.readlink(old), path)
        return
    if os.path.isdir(old):
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    call("mount", old, path, None, MS_BIND | MS_REC, None)


def give_up_rights(uid: int | None) -> None:
    """uid: another user to become, or None where the user namespace already holds one user."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
    call("capset", header, (ctypes.c_uint32 * 6)())


def bound(limits: dict[str, Any]) -> None:
    memory, disk = limits["memory_mb"] << 20, limits["disk_mb"] << 20
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, math.ceil(limits["seconds"])),
        (resource.RLIMIT_FSIZE, disk),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def perform(code: str, task: dict[str, str]) -> str:
    """In the child: the answer of one task."""
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]
    program = task["kind"] == "program"
    space: dict[str, Any] = {"__name__": "__main__" if program else "solution"}
    with contextlib.suppress(SystemExit) if program else contextlib.nullcontext():
        exec(compile(code, "<response>", "exec"), space)
    if program:
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                thread.join()
        sys.stdout.flush()
        return ""
    exec(compile(task["before"], "<tests>", "exec"), space)
    if task["kind"] == "value":
        return repr(eval(compile(task["text"], "<test>", "eval"), space))
    exec(compile(task["text"], "<test>", "exec"), space)
    return ""


def child(job: dict[str, Any], task: dict[str, str], seal: bytes, ends: list[int]) -> None:
    """Runs one task; at its end writes the seal and the answer. Never returns."""
    try:
        source, printed, answer = ends
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(source, 0)
        os.dup2(printed if task["kind"] == "program" else null, 1)
        os.dup2(null, 2)
        answer = os.dup2(answer, FILES - 1)
        os.closerange(3, FILES - 1)
        os.chdir(FOLDER)
        sys.stdin, sys.stdout, sys.stderr = (
            open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            for number, mode in enumerate("rww")
        )
        give_up_rights(job["uid"])
        bound(job["limits"])
        try:
            told = seal + perform(job["code"], task).encode(errors="surrogatepass")
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"[:500].encode(errors="replace")
        while told:
            told = told[os.write(answer, told) :]
    finally:
        os._exit(0)


def run(job: dict[str, Any], task: dict[str, str], deadline: float) -> dict[str, Any]:
    limits = job["limits"]
    seal = os.urandom(SEAL_BYTES)
    call("mount", "none", FOLDER, "tmpfs", MS_NOSUID | MS_NODEV, f"size={limits['disk_mb']}m")
    os.chmod(FOLDER, 0o777)
    source = os.memfd_create("stdin")
    if task["kind"] == "program":
        with open(source, "wb", closefd=False) as file:
            file.write(task["text"].encode(errors="surrogatepass"))
        os.lseek(source, 0, os.SEEK_SET)
    printed, answer = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        child(job, task, seal, [source, printed[1], answer[1]])
    for end in (source, printed[1], answer[1]):
        os.close(end)
    read, fault = collect(pid, [printed[0], answer[0]], limits["output_bytes"], deadline)
    kill_all()
    for end in (printed[0], answer[0]):
        os.close(end)
    call("umount2", FOLDER, MNT_DETACH)
    told = read[answer[0]]
    if fault is None and not told.startswith(seal):
        fault = told.decode(errors="replace") or "the process ended before the test did"
    text = read[printed[0]] if task["kind"] == "program" else told.removeprefix(seal)
    return {"answer": text.decode(errors="replace") if fault is None else "", "fault": fault}


def collect(
    pid: int, pipes: list[int], most: int, deadline: float
) -> tuple[dict[int, bytes], str | None]:
    """What the child writes until it ends, and why that is not its own end, if so."""
    read = dict.fromkeys(pipes, b"")
    ended = os.pidfd_open(pid)
    poll = select.poll()
    for number in (*pipes, ended):
        os.set_blocking(number, False)
        poll.register(number, select.POLLIN)
    over, fault = False, None
    while not over and fault is None:
        ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not ready:
            fault = "out of time"
        over = ended in dict(ready)  # what it wrote before is in the pipes by now
        for number in pipes:
            read[number] += drain(number, most + SEAL_BYTES + 1 - len(read[number]), poll)
            if len(read[number]) > most + SEAL_BYTES:
                fault = f"more output than {most} bytes"
    os.close(ended)
    if fault is None:
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            fault = f"ended by {signal.Signals(os.WTERMSIG(status)).name}"
    return read, fault


def drain(number: int, most: int, poll: Any) -> bytes:
    """What is in a pipe now, up to `most` bytes; a pipe that nobody can write to is forgotten."""
    data = b""
    with contextlib.suppress(BlockingIOError):
        while len(data) < most:
            if not (more := os.read(number, most - len(data))):
                with contextlib.suppress(KeyError):
                    poll.unregister(number)
                break
            data += more
    return data


def kill_all() -> None:
    """Every process in the namespace but this one, whatever group it moved to."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def main() -> None:
    job = json.load(sys.stdin)
    forbid_shared_memory()
    keep_only(job["keep"])
    call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
    limits, outcomes = job["limits"], []
    end = time.monotonic() + limits["total_seconds"]
    for task in job["tasks"]:
        deadline = min(end, time.monotonic() + limits["seconds"])
        if deadline <= time.monotonic():
            outcomes.append({"answer": "", "fault": "not reached: out of time for all tests"})
        else:
            outcomes.append(run(job, task, deadline))
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
