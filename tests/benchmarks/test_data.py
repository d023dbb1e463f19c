"""The data stages' benchmark measures each step once and draws what it measured."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import data


def test_steps_are_measured_once_and_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "data_stages.png"
    command = ["data", "--out", str(tmp_path), "--responses", "2000", "--plot", str(picture)]
    monkeypatch.setattr(sys, "argv", command)
    data.main()
    figures = (tmp_path / "figures.csv").read_bytes()
    table = pd.read_csv(tmp_path / "figures.csv")
    assert table["step"].tolist() == ["ingest", "validate", "split", "grouping"]
    assert (table["responses"] == 2000).all()
    assert table["CPU seconds"].between(0.1, 600).all()
    assert table["peak MiB"].between(50, 2048).all()
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "|     2,000 | grouping |" in capsys.readouterr().out
    data.main()
    assert (tmp_path / "figures.csv").read_bytes() == figures
