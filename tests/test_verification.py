"""`verify`: a promoted bundle holds, and each way of tampering with it is found and named."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged_project import EVALUATION, judge, make_judged_project
from policies import figure

from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, sha256_file, sha256_folder, write_json, write_text
from rewardgate.manifest import read_manifest
from rewardgate.promotion import require_intact
from rewardgate.signing import load_private_key, make_keys, sign
from rewardgate.verification import Finding, verify
from stages import promote


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed bundle; the keys are in the project's folder `keys`."""
    path = tmp_path_factory.mktemp("project")
    private, public = make_keys(path / "keys")
    make_judged_project(path, signing_key=str(private), public_key=str(public))
    return promoted(path)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_judged_project(tmp_path))
    return tmp_path


def promoted(project: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        assert promote.main() == 0
    return (project / "models/promoted/current").resolve()


def failed(findings: list[Finding]) -> dict[str, str]:
    return {finding.what: finding.words for finding in findings if not finding.passed}


def forged(bundle: Path, **changes: object) -> Path:
    """The bundle with a manifest that fits its files as they are now, under the name that fits."""
    made = read_manifest(bundle)
    found = {name: sha256_file(bundle / name) for name in made.files}
    made = made.model_copy(update={"files": found, **changes})
    write_text(bundle / "manifest.json", made.text())
    return bundle.rename(bundle.parent / made.version())


def test_a_sound_bundle_passes_signed_or_not(signed: Path, project: Path) -> None:
    key = signed.parents[2] / "keys/promotion_key.pub"
    assert failed(verify(signed, key)) == {}
    assert [one.what for one in verify(signed, key)] == [
        "manifest", "files", "signature", "evidence", "verdict", "history",
    ]  # fmt: skip
    words = {one.what: one.words for one in verify(promoted(project), None)}
    assert words["signature"] == "unsigned"
    assert words["verdict"].endswith("checks judged again give the same, promoted")
    unsigned = failed(verify(promoted(project), key))
    assert list(unsigned) == ["signature"]


@given(st.data())
def test_no_byte_of_a_bundle_can_be_flipped_unseen(signed: Path, data: st.DataObject) -> None:
    key = signed.parents[2] / "keys/promotion_key.pub"
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(shutil.copytree(signed, Path(folder) / signed.name))
        names = [path for path in sorted(bundle.rglob("*")) if path.is_file()]
        path = data.draw(st.sampled_from(names))
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        assert failed(verify(bundle, key))
        with pytest.raises(RewardGateError):
            require_intact(bundle, key)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "reports/calibration.json", "reports/verdict.json"]
)
def test_each_kind_of_file_is_named_when_it_is_altered(project: Path, name: str) -> None:
    bundle = promoted(project)
    (bundle / name).write_bytes(b"{}")
    assert failed(verify(bundle, None)) == {
        "file": f"{name}: altered; restore the bundle from a copy, or promote again"
    }
    with pytest.raises(RewardGateError, match=f"{name}: altered; restore the bundle"):
        require_intact(bundle, None)


def better(project: Path) -> None:
    """Metrics edited by hand, the verdict with them."""
    report = read_json(project / "reports/evaluation.json")
    report["test"]["figures"]["accuracy"] = figure(0.95)
    write_json(project / "reports/evaluation.json", report)


def another_model(project: Path) -> None:
    (project / "models/candidate/model.safetensors").write_bytes(b"other weights")


def another_calibration(project: Path) -> None:
    report = read_json(project / "reports/calibration.json")
    write_json(project / "reports/calibration.json", {**report, "mean": 9.0})


def another_calibration_set(project: Path) -> None:
    write_text(project / "data/split/calibration.parquet", "easier")


@pytest.mark.parametrize(
    ("act", "cause"),
    [
        (better, r"reports/evaluation\.json: changed after the gate judged it"),
        (another_model, r"models/candidate: changed after the gate judged it"),
        (another_calibration, r"reports/calibration\.json: changed after the gate judged it"),
        (another_calibration_set, r"data/split/calibration\.parquet: changed after the gate"),
    ],
)
def test_tampering_after_the_verdict_blocks_the_promotion(
    project: Path, act: Callable[[Path], None], cause: str
) -> None:
    act(project)
    with pytest.raises(RewardGateError, match=cause):
        promote.main()
    assert not (project / "models/promoted").exists()


@pytest.mark.parametrize(
    ("act", "cause"),
    [
        (another_model, r"reports/evaluation\.json: measured another model than the one that was"),
        (another_calibration_set, r"reports/calibration\.json: fixed on another calibration set"),
    ],
)
def test_tampering_between_measuring_and_judging_blocks_the_promotion(
    project: Path, act: Callable[[Path], None], cause: str
) -> None:
    act(project)
    judge(project)
    with pytest.raises(RewardGateError, match=cause):
        promote.main()


def test_a_blocked_candidate_with_an_edited_verdict_is_found(project: Path) -> None:
    report = {**read_json(project / "reports/evaluation.json"), **EVALUATION}
    report["test"] = {**report["test"], "figures": {"accuracy": figure(0.6)}}
    write_json(project / "reports/evaluation.json", report)
    judge(project)
    verdict = read_json(project / "reports/verdict.json")
    assert verdict["verdict"] == "blocked"
    write_json(project / "reports/verdict.json", {**verdict, "verdict": "promoted"})
    found = failed(verify(promoted(project), None))
    assert list(found) == ["verdict"]
    assert "judging reports/ again gives another verdict" in found["verdict"]


def test_a_manifest_forged_to_fit_is_found_by_what_it_contradicts(project: Path) -> None:
    bundle = promoted(project)
    (bundle / "model.safetensors").write_bytes(b"other weights")
    bundle = forged(bundle)
    assert (
        "the model is not the one that the manifest names"
        in failed(verify(bundle, None))["evidence"]
    )
    files = {"model.safetensors": b"other weights", "config.json": b"{}\n"}
    for name, content in files.items():
        path = project / "copy" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    bundle = forged(bundle, model_sha256=sha256_folder(project / "copy"))
    assert "reports/verdict.json: judged another model" in failed(verify(bundle, None))["evidence"]


def test_a_report_forged_after_the_promotion_is_found(project: Path) -> None:
    bundle = promoted(project)
    report = read_json(bundle / "reports/evaluation.json")
    report["test"]["accuracy"] = 0.99
    write_json(bundle / "reports/evaluation.json", report)
    found = failed(verify(forged(bundle), None))
    assert "reports/evaluation.json: not the report that was judged" in found["evidence"]
    assert "judging reports/ again gives another metrics" in found["verdict"]


def test_forging_the_manifest_breaks_the_signature(project: Path) -> None:
    private, public = make_keys(project / "keys")
    bundle = promoted(project)
    sign(bundle, load_private_key(private))
    params = read_manifest(bundle).params
    params["gate"]["checks"][0]["threshold"] = 0.1
    found = failed(verify(forged(bundle, params=params), public))
    assert "another key signed it, or one of the two files was altered" in found["signature"]


@pytest.mark.parametrize("content", ["[]", "{", "7", '{"test": 1}', '{"test": {"accuracy": {}}}'])
def test_reports_of_another_form_are_a_finding_and_no_traceback(
    project: Path, content: str
) -> None:
    bundle = promoted(project)
    write_text(bundle / "reports/evaluation.json", content)
    found = failed(verify(forged(bundle), None))
    assert "verdict" in found
    assert all("\n" not in words for words in found.values())


def test_params_that_this_version_does_not_know_are_a_finding(project: Path) -> None:
    bundle = promoted(project)
    found = failed(verify(forged(bundle, params={"seed": 1}), None))
    assert "verify with the version that promoted it" in found["verdict"]


def test_a_refusal_records_what_would_have_been_promoted(project: Path) -> None:
    report = {**read_json(project / "reports/evaluation.json"), **EVALUATION}
    report["test"] = {**report["test"], "figures": {"accuracy": figure(0.6)}}
    write_json(project / "reports/evaluation.json", report)
    judge(project)
    assert promote.main() == 3
    (refusal,) = (project / "models/refused").iterdir()
    record = json.loads(refusal.read_text())
    assert record["verdict"] == "blocked"
    assert record["failures"]
    assert record["files"]["model.safetensors"]
    assert not (project / "models/promoted").exists()
