"""The stage `champion` with the real DVC: what a promotion and a new candidate make stale."""

from pathlib import Path

from project import ROOT, Project
from scoring_project import make_scoring_project, publish_bundle, save_fresh

from rewardgate.files import read_json

OWN_STAGES = """
stages:
  champion:
    cmd: python -m stages.champion
    always_changed: true
    deps: [models/candidate]
    params: [gate.champion]
    outs: [models/champion.json]
  promote:
    cmd: cp models/champion.json compared.json
    deps: [models/champion.json]
    outs: [compared.json]
"""


def test_a_promotion_makes_nothing_stale_and_a_new_candidate_meets_the_promoted(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path: Path
) -> None:
    path = make_scoring_project(tiny_decoder, tiny_encoder, tmp_path / "p")
    (path / "dvc.yaml").write_text(OWN_STAGES)
    for name in ("rewardgate", "stages", "flows"):
        (path / name).symlink_to(ROOT / name)
    project = Project(path)
    project.run("git", "init", "-q")
    project.run("dvc", "init", "-q")

    def repro() -> list[str]:
        finished = project.run("dvc", "repro", "promote")
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return [s for s in ("champion", "promote") if f"Running stage '{s}'" in finished.stdout]

    first = (path / "models/promoted/current").resolve().name
    assert repro() == ["champion", "promote"]
    assert read_json(path / "compared.json")["version"] == first
    assert repro() == ["champion"]
    reports = {"verdict": {"champion": read_json(path / "compared.json")}}
    second = publish_bundle(path / "models/candidate", reports, path / "models/promoted")
    assert repro() == ["champion"]
    assert read_json(path / "compared.json")["version"] == first
    save_fresh(tiny_encoder, path / "models/candidate")
    assert repro() == ["champion", "promote"]
    assert read_json(path / "compared.json")["version"] == second.name
