"""A project folder of its own for stages that run in the working directory."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with the repository's params.yaml that reads `rankings/`."""
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert "inputs: data/simulated" in params
    (tmp_path / "params.yaml").write_text(
        params.replace("inputs: data/simulated", "inputs: rankings"), encoding="utf-8"
    )
    (tmp_path / "rankings").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path
