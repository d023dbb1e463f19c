"""Training that is killed at random moments ends with the bytes of an undisturbed run."""

from pathlib import Path

import pytest
from launching import launch

from rewardgate.files import sha256_folder


@pytest.mark.parametrize(("base", "seed"), [("tiny_encoder", 1), ("tiny_decoder", 2)])
def test_a_run_killed_again_and_again_ends_with_the_same_bytes(
    base: str, seed: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    kills = 12
    run = launch("killed.py", request.getfixturevalue(base), tmp_path, seed, kills, timeout=600)
    assert run.returncode == 0, run.stderr[-3000:]
    assert int(run.stdout.split()[-1]) >= 2, "the runs were over before they were killed"
    assert "resuming after step" in run.stderr + run.stdout
    assert sha256_folder(tmp_path / "killed/model") == sha256_folder(tmp_path / "whole/model")
