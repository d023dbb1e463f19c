import json
import os
from pathlib import Path
from typing import Any

import pytest

from rewardgate.bundle import load_promoted
from rewardgate.errors import RewardGateError
from rewardgate.files import sha256_file, sha256_folder, write_json
from rewardgate.promotion import (
    current_version,
    is_current,
    lock_hash,
    promotion_record,
    publish,
    require_unchanged,
)
from rewardgate.reward_model import RewardModel

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
    record = promotion_record(verdict(), params, Path("dvc.lock"))
    files = {"calibration.json": Path("calibration.json")}
    return publish(Path("candidate"), files, record, Path("promoted"))


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
    folder, _ = promote({"rewards": REWARDS})
    record = json.loads((folder / "promotion.json").read_text())
    assert record["model_sha256"] == sha256_folder("candidate")
    assert record["params"] == {"rewards": REWARDS}
    assert record["dvc_lock_sha256"] == lock_hash(Path("dvc.lock"))
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
    assert require_unchanged(judged, candidate) == judged["model_sha256"]
    write_json("calibration.json", {"mean": 0.0, "std": 2.0, "temperature": 1.0})
    with pytest.raises(RewardGateError, match=r"calibration\.json: changed after the gate"):
        require_unchanged(judged, candidate)
    judged = verdict()
    weights = candidate / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(RewardGateError, match="candidate: changed after the gate"):
        require_unchanged(judged, candidate)


def test_data_replaced_after_the_verdict_is_refused(candidate: Path) -> None:
    Path("calibration.parquet").write_bytes(b"judged")
    judged = verdict() | {"data": {"calibration.parquet": sha256_file("calibration.parquet")}}
    require_unchanged(judged, candidate)
    Path("calibration.parquet").write_bytes(b"easier")
    with pytest.raises(RewardGateError, match=r"calibration\.parquet: changed after the gate"):
        require_unchanged(judged, candidate)


def test_an_altered_bundle_is_refused(candidate: Path) -> None:
    folder, _ = promote({"rewards": REWARDS})
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(RewardGateError, match="differs from its promotion record"):
        load_promoted("promoted")


def test_only_the_verdict_that_was_acted_on_is_current(candidate: Path) -> None:
    assert not is_current(verdict(), Path("promoted"))
    promote({"rewards": REWARDS})
    assert is_current(verdict(), Path("promoted"))
    assert not is_current({**verdict(), "failures": ["other"]}, Path("promoted"))


def test_nothing_promoted_is_said_so(tmp_path: Path) -> None:
    assert current_version(tmp_path) is None
    with pytest.raises(RewardGateError, match="nothing was promoted yet"):
        load_promoted(tmp_path)


def test_the_lock_hash_leaves_out_the_promotion_itself(tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    hashes = []
    for text in (
        "stages: {gate: {cmd: a}}",
        "stages: {promote: {cmd: b}, gate: {cmd: a}}",
        "stages: {gate: {cmd: c}}",
    ):
        lock.write_text(text)
        hashes.append(lock_hash(lock))
    assert hashes[0] == hashes[1] != hashes[2]
    with pytest.raises(RewardGateError, match="promote through `dvc repro`"):
        lock_hash(tmp_path / "none.lock")
