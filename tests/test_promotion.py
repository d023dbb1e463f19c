import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewardgate.bundle import load_promoted
from rewardgate.errors import RewardGateError
from rewardgate.files import sha256_file, sha256_folder, write_json
from rewardgate.manifest import bundle_files
from rewardgate.promotion import (
    current_version,
    is_current,
    lock_stages,
    make_manifest,
    publish,
    require_unchanged,
)
from rewardgate.reward_model import RewardModel
from rewardgate.signing import load_private_key, make_keys, sign

REWARDS = {
    "granularity": "sequence",
    "rationale": "whole responses were ranked",
    "rm_weight": 1.0,
    "rm_clip": 3.0,
    "floor": -5.0,
    "length_penalty": {"min_tokens": 1, "max_tokens": 10, "width_tokens": 5, "weight": 1.0},
    "repetition_penalty": None,
}


@pytest.fixture
def candidate(tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with a judged candidate in it, entered."""
    monkeypatch.chdir(tmp_path)
    RewardModel.from_base(str(tiny_encoder), max_length=64, seed=0).save("candidate")
    write_json("calibration.json", {"mean": 0.5, "std": 2.0, "temperature": 1.0})
    (tmp_path / "dvc.lock").write_text("stages: {gate: {cmd: a}, promote: {cmd: b}}")
    return tmp_path / "candidate"


def verdict() -> dict[str, Any]:
    return {
        "verdict": "promoted",
        "failures": [],
        "model_sha256": sha256_folder("candidate"),
        "reports": {"calibration.json": sha256_file("calibration.json")},
        "data": {},
        "metrics": {"accuracy": 0.8, "mean_margin_bt_logits": 1.5, "domains": {}},
    }


def promote(params: dict[str, Any]) -> tuple[Path, bool]:
    write_json("verdict.json", verdict())
    reports = {f"reports/{name}.json": Path(f"{name}.json") for name in ("calibration", "verdict")}
    files = {**bundle_files(Path("candidate")), **reports}
    manifest = make_manifest(files, verdict(), params, Path("dvc.lock"))
    return publish(files, manifest, Path("promoted"))


def test_a_promoted_bundle_is_loaded_and_scores_like_the_candidate(candidate: Path) -> None:
    folder, moved = promote({"rewards": REWARDS})
    assert moved
    bundle = load_promoted("promoted")
    result = bundle.reward("what is it ?", "paris it is")
    assert result["model"] == folder.name
    assert result["normalised"] == pytest.approx((result["score"] - 0.5) / 2.0)
    assert result["reward"] == pytest.approx(result["rm"] - result["length_penalty"])
    assert bundle.reward("what is it ?", "")["reward"] == -5.0


def test_the_record_names_what_the_promotion_rests_on(candidate: Path) -> None:
    folder, _ = promote({"rewards": REWARDS, "promote": {"signing_key": "/home/ann/key.pem"}})
    record = json.loads((folder / "manifest.json").read_text())
    assert record["model_sha256"] == sha256_folder("candidate")
    assert record["files"]["model.safetensors"] == sha256_file("candidate/model.safetensors")
    assert record["files"]["reports/calibration.json"] == sha256_file("calibration.json")
    assert record["params"] == {"rewards": REWARDS}
    assert record["dvc_lock"] == {"gate": {"cmd": "a"}}
    assert record["git"] == {"commit": None, "changed_files": []}
    assert record["environment"]["torch"].startswith("2.13")


def test_promoting_again_changes_nothing_and_another_keeps_the_first(candidate: Path) -> None:
    first, _ = promote({"rewards": REWARDS})
    assert promote({"rewards": REWARDS}) == (first, False)
    before = sha256_folder(first)
    second, moved = promote({"rewards": {**REWARDS, "rm_weight": 0.5}})
    assert moved
    assert second != first
    assert sha256_folder(first) == before
    current = current_version(Path("promoted"))
    assert current is not None
    assert current[0] == second.resolve()
    promote({"rewards": REWARDS})
    assert (Path("promoted") / "current").resolve() == first.resolve()


def test_a_failed_publication_leaves_the_promoted_model(
    candidate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = promote({"rewards": REWARDS})
    before = sorted(os.listdir("promoted"))

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rewardgate.promotion.shutil.copy", full_disk)
    with pytest.raises(OSError, match="No space left"):
        promote({"rewards": {**REWARDS, "rm_weight": 0.5}})
    assert sorted(os.listdir("promoted")) == before
    assert load_promoted("promoted").version == first.name


def test_weights_or_reports_changed_after_the_verdict_are_refused(candidate: Path) -> None:
    judged = verdict()
    require_unchanged(judged, candidate, Path("process"))
    write_json("calibration.json", {"mean": 0.0, "std": 2.0, "temperature": 1.0})
    with pytest.raises(RewardGateError, match=r"calibration\.json: changed after the gate"):
        require_unchanged(judged, candidate, Path("process"))
    judged = verdict()
    weights = candidate / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(RewardGateError, match="candidate: changed after the gate"):
        require_unchanged(judged, candidate, Path("process"))


def test_data_replaced_after_the_verdict_is_refused(candidate: Path) -> None:
    Path("calibration.parquet").write_bytes(b"judged")
    judged = verdict() | {"data": {"calibration.parquet": sha256_file("calibration.parquet")}}
    require_unchanged(judged, candidate, Path("process"))
    Path("calibration.parquet").write_bytes(b"easier")
    with pytest.raises(RewardGateError, match=r"calibration\.parquet: changed after the gate"):
        require_unchanged(judged, candidate, Path("process"))


def test_an_altered_bundle_is_refused_with_every_altered_file_named(candidate: Path) -> None:
    folder, _ = promote({"rewards": REWARDS})
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    (folder / "reports/calibration.json").unlink()
    with pytest.raises(
        RewardGateError, match=r"model.safetensors: altered; reports/calibration.json: missing"
    ):
        load_promoted("promoted")
    promote({"rewards": REWARDS})
    assert load_promoted("promoted").version == folder.name


def test_with_a_public_key_only_a_bundle_signed_by_it_is_loaded(candidate: Path) -> None:
    private, public = make_keys(Path("keys"))
    folder, _ = promote({"rewards": REWARDS})
    with pytest.raises(RewardGateError, match="unsigned"):
        load_promoted("promoted", public)
    sign(folder, load_private_key(private))
    assert load_promoted("promoted", public).version == folder.name
    with pytest.raises(RewardGateError, match="another key signed it"):
        load_promoted("promoted", make_keys(Path("other"))[1])


def test_a_file_that_changes_while_it_is_copied_is_not_published(candidate: Path) -> None:
    write_json("verdict.json", verdict())
    files = bundle_files(candidate)
    manifest = make_manifest(files, verdict(), {"rewards": REWARDS}, Path("dvc.lock"))
    (candidate / "model.safetensors").write_bytes(b"later")
    with pytest.raises(RewardGateError, match=r"model.safetensors: altered while it was copied"):
        publish(files, manifest, Path("promoted"))
    assert current_version(Path("promoted")) is None


def test_only_the_verdict_that_was_acted_on_is_current(candidate: Path) -> None:
    assert not is_current(Path("verdict.json"), Path("promoted"))
    promote({"rewards": REWARDS})
    assert is_current(Path("verdict.json"), Path("promoted"))
    write_json("verdict.json", {**verdict(), "failures": ["other"]})
    assert not is_current(Path("verdict.json"), Path("promoted"))


def test_nothing_promoted_is_said_so(tmp_path: Path) -> None:
    assert current_version(tmp_path) is None
    with pytest.raises(RewardGateError, match="nothing was promoted yet"):
        load_promoted(tmp_path)


def test_the_recorded_lock_is_what_the_verdict_rests_on(tmp_path: Path) -> None:
    """`gate` reads a file of `split`'s folder and a folder in which `train` wrote."""
    lock = {
        "promote": {"deps": [{"path": "verdict.json"}]},
        "gate": {"deps": [{"path": "split/test.parquet"}, {"path": "models"}]},
        "train": {"outs": [{"path": "models/candidate"}], "deps": [{"path": "split"}]},
        "split": {"outs": [{"path": "split"}], "deps": [{"path": "ingested"}]},
        "ingest": {"outs": [{"path": "ingested"}]},
        "beside": {"outs": [{"path": "model"}], "deps": [{"path": "split"}]},
    }
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": lock}))
    assert lock_stages(tmp_path / "dvc.lock").keys() == {"gate", "train", "split", "ingest"}
    with pytest.raises(RewardGateError, match="promote through `dvc repro`"):
        lock_stages(tmp_path / "none.lock")
