"""A promoted version in a real MLflow store: a run, a registered version, a bundle to download."""

import subprocess
import sys
from pathlib import Path

import pytest
from judged_project import judge, make_judged_project
from mlflow import MlflowClient
from project import ROOT

from rewardgate.errors import BAD_INPUT
from rewardgate.files import read_json, sha256_folder
from rewardgate.params import change_params
from rewardgate.promotion import require_intact
from stages import promote

STORE = "sqlite:///mlflow.db"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two promoted versions; the second was judged by another threshold."""
    monkeypatch.chdir(make_judged_project(tmp_path / "project"))
    assert promote.main() == 0
    change_params("params.yaml", ["gate.checks.accuracy.threshold=0.7"])
    judge(Path.cwd())
    assert promote.main() == 0
    return tmp_path / "project"


def export(version: str, store: str = STORE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rewardgate", "export-mlflow", version]
    return subprocess.run(
        [*command, "--tracking-uri", store],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_versions_are_logged_registered_and_can_be_verified_after_a_download(
    project: Path,
) -> None:
    current, previous = (
        (project / "models/promoted" / name).resolve() for name in ("current", "previous")
    )
    for version in ("previous", "current", "current"):
        finished = export(version)
        assert finished.returncode == 0, finished.stderr
    assert finished.stdout == f"{current.name}: version 2 of reward-model, the champion\n"
    assert finished.stderr == ""
    client = MlflowClient(tracking_uri=STORE, registry_uri=STORE)
    versions = client.search_model_versions("name = 'reward-model'")
    assert {one.tags["rewardgate.version"] for one in versions} == {current.name, previous.name}
    champion = client.get_model_version_by_alias("reward-model", "champion")
    assert champion.tags["rewardgate.version"] == current.name
    run = client.get_run(champion.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["gate.checks.accuracy.threshold"] == "0.7"
    assert run.data.params["train.base"] == "minilm"
    judged = read_json(current / "reports/verdict.json")["metrics"]
    assert run.data.metrics == {
        "accuracy": judged["accuracy"],
        "mean_margin_bt_logits": judged["mean_margin_bt_logits"],
        "temperature": judged["temperature"],
        "accuracy/facts": judged["domains"]["facts"],
    }
    downloaded = Path(client.download_artifacts(champion.run_id, current.name, str(project)))
    assert sha256_folder(downloaded) == sha256_folder(current)
    assert require_intact(downloaded, None).verdict == "promoted"
    assert champion.source.endswith(f"/artifacts/{current.name}")


@pytest.mark.parametrize("store", ["mlruns", "http://127.0.0.1:9"])
def test_a_store_that_cannot_be_used_is_one_line(
    project: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = export("current", store)
    assert finished.returncode == BAD_INPUT
    assert finished.stderr.startswith(f"rewardgate: {store}: MLflow: ")
    assert finished.stderr.count("\n") == 1


def test_an_altered_bundle_is_not_logged(project: Path) -> None:
    (project / "models/promoted/current/config.json").write_text("{} \n")
    finished = export("current")
    assert finished.returncode == BAD_INPUT
    assert "config.json: altered" in finished.stderr
    assert not (project / "mlflow.db").exists()
