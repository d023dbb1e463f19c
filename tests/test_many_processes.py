"""Training in two processes that talk through gloo, as under `accelerate launch` on many GPUs."""

import json
import signal
from pathlib import Path

import pytest
import torch
from launching import TWO, launch

from rewardgate.encoding import Encoded
from rewardgate.files import sha256_folder
from rewardgate.reward_model import RewardModel


def trained(out: Path) -> tuple[list[dict[str, float]], float]:
    """The logged curve, and a margin by the saved model (the level of its scores is arbitrary)."""
    steps, evals = json.loads((out / "log.json").read_text())
    model = RewardModel.load(out / "model")
    with torch.no_grad():
        first, second = model.scores([Encoded([2, 9, 7]), Encoded([2, 5])]).tolist()
    return steps + evals, first - second


@pytest.mark.parametrize("mode", ["plain", "fsdp"])
@pytest.mark.parametrize("base", ["tiny_encoder", "tiny_decoder"])
def test_two_processes_learn_what_one_does(
    base: str, mode: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = request.getfixturevalue(base)
    for name, launcher, how in (("one", [], "plain"), ("two", TWO, mode)):
        run = launch("launched.py", path, tmp_path / name, how, launcher=launcher)
        assert run.returncode == 0, run.stderr[-3000:]
    curve, margin = trained(tmp_path / "one")
    curve_of_two, margin_of_two = trained(tmp_path / "two")
    assert len(curve) > 12
    for row, row_of_two in zip(curve, curve_of_two, strict=True):
        assert row_of_two == pytest.approx(row, rel=1e-3, abs=1e-4)
    assert margin_of_two == pytest.approx(margin, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("mode", ["plain", "fsdp"])
def test_two_killed_processes_resume_to_the_same_bytes(
    mode: str, tiny_decoder: Path, tmp_path: Path
) -> None:
    assert (
        launch("launched.py", tiny_decoder, tmp_path / "whole", mode, launcher=TWO).returncode == 0
    )
    killed = launch("launched.py", tiny_decoder, tmp_path / "killed", mode, 5, launcher=TWO)
    assert killed.returncode != 0
    assert not (tmp_path / "killed/model").exists()
    resumed = launch("launched.py", tiny_decoder, tmp_path / "killed", mode, launcher=TWO)
    assert "resuming after step 4 of 11" in resumed.stderr + resumed.stdout
    assert sha256_folder(tmp_path / "killed/model") == sha256_folder(tmp_path / "whole/model")
    assert (tmp_path / "killed/log.json").read_text() == (tmp_path / "whole/log.json").read_text()


def test_the_process_was_killed_and_did_not_just_fail(tiny_encoder: Path, tmp_path: Path) -> None:
    assert launch("launched.py", tiny_encoder, tmp_path, "plain", 3).returncode == -signal.SIGKILL
