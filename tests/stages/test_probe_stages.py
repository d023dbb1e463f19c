"""The probe and the adversary as stages, on a tiny model."""

import json
from pathlib import Path

import pytest
from planted import planted_table
from scoring_project import CALIBRATION, save_fresh

from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, read_table, write_json, write_table
from rewardgate.params import change_params
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score_table
from rewardgate.stress import load_cases
from stages import adversary, probe

OUTPUTS = ("probes.json", "probes.parquet", "adversary.json", "adversary.csv", "hacks.yaml")


@pytest.fixture
def judged(project: Path, tiny_encoder: Path) -> Path:
    """A project whose candidate has scored its test set."""
    change_params(
        project / "params.yaml",
        [
            "gate.resamples=200",
            "probe.prompts=8",
            "adversary.prompts=4",
            "adversary.candidates=16",
            "adversary.kl=1.5",
            "adversary.gold=data/split/test.parquet",
        ],
    )
    save_fresh(tiny_encoder, project / "models/candidate")
    table = planted_table(12)
    write_table("data/split/test.parquet", table)
    write_table("data/split/train.parquet", table)
    model = RewardModel.load("models/candidate")
    write_table("reports/scores.parquet", score_table(model, table, "test").assign(split="test"))
    write_json("reports/calibration.json", CALIBRATION)
    write_json("reports/evaluation.json", {"test": {"margin": {"mean_bt_logits": 0.5}}})
    return project


def test_both_stages_write_figures_and_the_same_bytes_again(
    judged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe.main()
    adversary.main()
    first = {name: (judged / "reports" / name).read_bytes() for name in OUTPUTS}
    printed = capsys.readouterr().out
    assert "length_padding" in printed
    assert "best of 11" in printed
    probes, found = (read_json(f"reports/{name}.json") for name in ("probes", "adversary"))
    assert probes["prompts"] == 8
    assert set(probes["preserving"]) & set(probes["degrading"]) == set()
    assert probes["degrading"]["extremes"]["win_share"]["prompts"] == 8
    assert (found["gold"], found["prompts"]) == ("annotators' ranks", 4)
    assert 0 < found["texts_scored"] <= 4 * (16 + 4 * 8 + 4 * 6)
    assert len(found["winners"]) == 4
    hacked = sum(one["hacked"] for one in found["winners"])
    assert found["search"]["hacked_share"]["estimate"] == hacked / 4
    if hacked:
        assert len(load_cases("reports/hacks.yaml")) == hacked
    probe.main()
    adversary.main()
    assert {name: (judged / "reports" / name).read_bytes() for name in OUTPUTS} == first


def test_no_text_is_scored_that_an_earlier_stage_has_scored(
    judged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    for stage in (probe, adversary):
        score = stage.score

        def counted(model, prompts, texts, label, score=score):
            asked.extend(zip(prompts, texts, strict=True))
            return score(model, prompts, texts, label)

        monkeypatch.setattr(stage, "score", counted)
    table = read_table("reports/scores.parquet")
    asked.extend(zip(table["prompt"], table["text"], strict=True))
    probe.main()
    adversary.main()
    assert len(set(asked)) == len(asked) > 200


def test_utilities_of_other_data_are_named(judged: Path) -> None:
    probe.main()
    change_params(judged / "params.yaml", ["adversary.gold=utilities.parquet"])
    names = ("correctness", "relevance", "completeness", "politeness", "utility")
    other = read_table("data/split/test.parquet")[["prompt_id", "response_id"]].head(1)
    write_table("utilities.parquet", other.assign(**dict.fromkeys(names, 0.5)))
    with pytest.raises(RewardGateError, match=r"utilities\.parquet: holds no utility of response"):
        adversary.main()


def test_reports_are_json_that_names_the_model(judged: Path) -> None:
    probe.main()
    report = json.loads((judged / "reports/probes.json").read_text(encoding="utf-8"))
    assert len(report["model_sha256"]) == 64
