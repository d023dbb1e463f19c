"""`rewardgate drift` on scored files."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from scoring_project import CALIBRATION, make_scoring_project

from rewardgate.errors import BAD_INPUT, BLOCKED


@pytest.fixture(scope="module")
def project(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("drift") / "project"
    return make_scoring_project(tiny_encoder, tiny_decoder, folder)


def drift(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rewardgate", "drift", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def test_exit_codes_tell_the_verdict(project: Path) -> None:
    scores = pd.DataFrame({"score": CALIBRATION["score_quantiles"]})
    scores.to_parquet(project / "same.parquet")
    (scores + 0.5).to_parquet(project / "shifted.parquet")
    scores.rename(columns={"score": "reward"}).to_parquet(project / "other.parquet")
    same = drift(project, "same.parquet")
    assert (same.returncode, "PSI 0.000" in same.stdout) == (0, True)
    assert same.stdout.endswith("no drift\n")
    shifted = drift(project, "shifted.parquet")
    assert (shifted.returncode, shifted.stdout.endswith(": drifted\n")) == (BLOCKED, True)
    assert drift(project, "shifted.parquet", "--psi", "99", "--ks", "1").returncode == 0
    other = drift(project, "other.parquet")
    assert other.returncode == BAD_INPUT
    assert "other.parquet: has no column score" in other.stderr
