"""Who the champion is, whether it can be loaded, and how the stages compare with it."""

import json
from pathlib import Path

import pytest
from scoring_project import CALIBRATION, make_scoring_project, publish_bundle

from rewardgate.champion import find_champion, load_champion
from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, write_json
from rewardgate.signing import make_keys
from stages import calibrate, champion, compare, evaluate, stress


def bundle(promoted: Path, name: str, sha256: str, champion: str | None = None) -> Path:
    """A promoted version without a model; `champion` is the version it was compared with."""
    before = {"version": champion, "model_sha256": "?"} if champion else None
    reports = {"verdict": {"champion": before}}
    (promoted.parent / "none").mkdir(exist_ok=True)
    return publish_bundle(
        promoted.parent / "none", reports, promoted, model_sha256=sha256, data={"name": name}
    )


def test_the_champion_is_what_was_promoted_before_the_candidate(tmp_path: Path) -> None:
    promoted = tmp_path / "promoted"
    assert find_champion("current", promoted, "a") is None
    first = bundle(promoted, "first", "a")
    assert find_champion("current", promoted, "a") is None
    assert find_champion("current", promoted, "b") == first.resolve()
    bundle(promoted, "second", "b", champion=first.name)
    assert find_champion("current", promoted, "b") == first
    third = bundle(promoted, "the same model judged again", "b", champion=first.name)
    assert find_champion("current", promoted, "b") == first
    assert find_champion("current", promoted, "c") == third.resolve()
    assert find_champion("none", promoted, "c") is None
    assert find_champion(str(first), promoted, "c") == first


def test_a_champion_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bundle(Path("promoted"), "second", "b", champion="first")
    with pytest.raises(RewardGateError, match=r"^promoted/first: the champion is no promoted bun"):
        find_champion("current", Path("promoted"), "b")
    with pytest.raises(RewardGateError, match=r"^models/x: the champion is no promoted bundle"):
        find_champion("models/x", Path("promoted"), "b")


def test_a_champion_that_was_tampered_with_is_one_line(tiny_encoder: Path, tmp_path: Path) -> None:
    promoted = make_scoring_project(tiny_encoder, tiny_encoder, tmp_path / "p") / "models/promoted"
    folder = (promoted / "current").resolve()
    assert load_champion(folder, None)[1]["temperature"] == 1.0
    _, public = make_keys(tmp_path / "keys")
    with pytest.raises(RewardGateError, match=r"champion cannot be trusted: .*: unsigned, and"):
        load_champion(folder, public)
    write_json(folder / "config.json", {"hidden_size": 8})
    (folder / "reports/calibration.json").unlink()
    with pytest.raises(
        RewardGateError,
        match=r"config.json: altered; reports/calibration.json: missing; .* set gate.champion to",
    ):
        load_champion(folder, None)


def test_a_champion_that_cannot_be_loaded_is_one_line(tiny_encoder: Path, tmp_path: Path) -> None:
    project = make_scoring_project(tiny_encoder, tiny_encoder, tmp_path / "p")
    model = project / "models/candidate"

    def published(temperature: float) -> Path:
        reports = {"calibration": {**CALIBRATION, "temperature": temperature}}
        return publish_bundle(model, reports, project / "models/promoted")

    with pytest.raises(RewardGateError, match=r"cannot be loaded \(its temperature is not pos"):
        load_champion(published(0.0), None)
    config = json.loads((model / "config.json").read_text())
    write_json(model / "config.json", config | {"hidden_size": 8})
    with pytest.raises(RewardGateError, match=r"the champion cannot be loaded \(") as caught:
        load_champion(published(1.0), None)
    assert "\n" not in str(caught.value)


def test_a_champion_of_another_architecture_is_compared(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_scoring_project(tiny_decoder, tiny_encoder, tmp_path / "p")
    monkeypatch.chdir(project)
    for stage in (calibrate, evaluate, stress, champion, compare):
        stage.main()
    report = read_json("reports/champion.json")
    assert report["champion"] == read_json("models/champion.json")
    assert report["champion"]["version"] == Path("models/promoted/current").resolve().name
    difference = report["difference"]
    ours = read_json("reports/evaluation.json")["test"]["figures"]["accuracy"]["estimate"]
    theirs = report["champion_figures"]["accuracy"]["estimate"]
    assert difference["accuracy"]["estimate"] == pytest.approx(ours - theirs)
    assert set(difference["stress"]) == set(read_json("reports/stress.json")["families"])
    project_params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(project_params.replace("champion: current", "champion: none"))
    for stage in (champion, compare):
        stage.main()
    assert read_json("reports/champion.json") == {"champion": None}
