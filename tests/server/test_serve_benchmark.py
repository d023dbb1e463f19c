"""The benchmark of the server runs, and its three sides score alike."""

import json
from pathlib import Path

import pytest

from benchmarks import serve


def test_the_three_sides_score_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "")
    assert serve.main(["--quick", "--request", "2", "5", "--json", str(tmp_path / "s.json")]) == 0
    rows = json.loads((tmp_path / "s.json").read_text())["rows"]
    assert [row["request"] for row in rows] == [2, 5]
    for row in rows:
        assert row["texts"] == 32
        assert list(row["sides"]) == list(serve.SIDES)
        for side in row["sides"].values():
            assert side["max_difference"] < 1e-5
            assert side["texts_per_second"] > 0
        assert (
            row["sides"]["rewardgate"]["p50_seconds"] <= row["sides"]["rewardgate"]["p99_seconds"]
        )
    assert capsys.readouterr().out.count("\n") == 8
