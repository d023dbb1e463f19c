"""The real pipeline on a tiny base: what it promotes is verified, and made again in a clone."""

import json
from pathlib import Path

from judged_project import accuracy_checks
from policies import SETTINGS
from project import make_project, tiny_changes

from rewardgate.errors import BLOCKED


def test_a_promotion_is_verified_and_made_again_from_its_commit(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    checks = json.dumps(accuracy_checks(SETTINGS.gate.items, 0.0))
    project = make_project(tmp_path, *tiny_changes(tiny_encoder), f"gate.checks={checks}")
    finished = project.run("dvc", "repro", "promote")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    project.set("seed=1")
    finished = project.run("rewardgate", "verify", "--rederive")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Running stage 'simulate'" in finished.stdout
    lines = [line for line in finished.stdout.splitlines() if line.startswith("pass")]
    assert [line[6:20].strip() for line in lines] == [
        "manifest", "files", "signature", "evidence", "verdict", "history",
        "data again", "model again", "reports again", "verdict again",
    ]  # fmt: skip
    weights = tmp_path / "models/promoted/current/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    finished = project.run("rewardgate", "verify", "--rederive")
    assert finished.returncode == BLOCKED
    assert "FAIL  file           model.safetensors: altered" in finished.stdout
    assert "Running stage" not in finished.stdout
