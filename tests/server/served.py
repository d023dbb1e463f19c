"""A real server on a real port, in a thread or in a process of its own; and bundles for it."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import torch
from scoring_project import CALIBRATION, REWARDS, publish_bundle

from rewardgate.promotion import CURRENT
from rewardgate.reward_model import RewardModel
from rewardgate.server.run import make_server
from rewardgate.server.settings import ServerSettings

PATIENCE = 300
"""Seconds until a test gives up; a busy machine may be slow."""

FIRST, SECOND = 1, 2
"""Seeds of bundles that score unlike each other."""


def promote(
    base: Path,
    project: Path,
    seed: int,
    nan_word: str | None = None,
    rules: Sequence[dict[str, Any]] = (),
) -> Path:
    """Promote a reward model; returns `promoted`. A text with `nan_word` has no score."""
    model = RewardModel.from_base(str(base), max_length=64, seed=0)
    with torch.no_grad():
        model.scorer.head.weight.normal_(generator=torch.Generator().manual_seed(seed))
        if nan_word:
            word = model.tokenizer.convert_tokens_to_ids(nan_word)
            model.model.get_input_embeddings().weight[word] = float("nan")
    model.save(project / f"model-{seed}")
    reports = {"calibration": CALIBRATION, "verdict": {"champion": None}}
    params = {"rewards": {**REWARDS, "rules": list(rules)}}
    publish_bundle(project / f"model-{seed}", reports, project / "promoted", params=params)
    return project / "promoted"


def point(promoted: Path, version: str) -> None:
    """Point `current` at another version, as a promotion and a rollback do."""
    temporary = promoted / ".current.test"
    temporary.symlink_to(version)
    os.replace(temporary, promoted / CURRENT)


@contextmanager
def served(promoted: Path, **settings: Any) -> Iterator[httpx.Client]:
    """A client of a server that runs in a thread of this process, stopped at the end."""
    server, listener = make_server(promoted, ServerSettings(port=0, **settings))
    port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_for(lambda: server.started)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


SERVE = """
import sys
from pathlib import Path
from rewardgate.errors import run_or_explain
from rewardgate.server.run import serve
from rewardgate.server.settings import ServerSettings
port = int(sys.argv[2])
sys.exit(run_or_explain(lambda: serve(Path(sys.argv[1]), ServerSettings(port=port))))
"""


class Process:
    """A server in a process of its own; `log` holds the lines of its stderr so far."""

    def __init__(self, promoted: Path, port: int = 0) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(promoted), str(port)],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stderr is not None
        self.log.extend(iter(self.child.stderr.readline, ""))

    def address(self) -> str:
        wait_for(lambda: any("serves on" in line for line in self.log))
        return re.search(r"http://\S+", "".join(self.log)).group()

    def wait(self) -> int:
        code = self.child.wait(timeout=PATIENCE)
        self._reader.join()
        return code


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Return once the condition holds; AssertionError if it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.01)


def metric(client: httpx.Client, name: str) -> float:
    """The value of one sample of /metrics, named as in its line."""
    lines = client.get("/metrics").text.splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])
