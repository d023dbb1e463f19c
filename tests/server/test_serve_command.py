"""`rewardgate serve`, as a user starts and stops it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from scoring_project import make_scoring_project
from served import PATIENCE

from rewardgate.errors import BAD_INPUT

COMMAND = [sys.executable, "-m", "rewardgate", "serve", "--port", "0"]


@pytest.fixture(scope="module")
def project(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("serve") / "project"
    return make_scoring_project(tiny_encoder, tiny_decoder, folder)


def test_it_serves_until_it_is_told_to_stop(project: Path) -> None:
    environment = {**os.environ, "REWARDGATE_TOKEN": "s3cret"}
    child = subprocess.Popen(
        [*COMMAND, "--set", "max_texts=2"],
        cwd=project,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    url = next(found[0] for line in child.stderr if (found := re.search(r"http://\S+", line)))
    body = {"prompts": ["what ?"], "responses": ["good answer"]}
    with httpx.Client(base_url=url, timeout=PATIENCE) as client:
        assert client.post("/score", json=body).status_code == 401
        client.headers["Authorization"] = "Bearer s3cret"
        served = client.post("/score", json=body).json()
        three = {name: texts * 3 for name, texts in body.items()}
        assert client.post("/score", json=three).status_code == 413
    child.send_signal(signal.SIGTERM)
    assert child.wait(PATIENCE) == 0
    assert "1 requests accepted, 1 answered" in child.stderr.read()
    scored = subprocess.run(
        [sys.executable, "-m", "rewardgate", "score", "what ?", "good answer"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shown = dict(line.split(maxsplit=1) for line in scored.splitlines())
    assert float(shown["reward"]) == pytest.approx(served["rewards"][0], abs=1e-4)


def test_a_wrong_limit_is_one_line(project: Path) -> None:
    for change, told in (
        ("max_texts=few", "serve: max-texts: Input should be a valid integer"),
        ("max_text=3", "serve: max-text: Extra inputs are not permitted"),
    ):
        run = subprocess.run(
            [*COMMAND, "--set", change], cwd=project, capture_output=True, text=True, check=False
        )
        assert run.returncode == BAD_INPUT
        assert told in run.stderr
        assert "Traceback" not in run.stderr
