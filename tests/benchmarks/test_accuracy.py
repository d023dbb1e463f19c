import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tables import responses_table

from benchmarks import accuracy
from benchmarks.accuracy_table import cell, figures
from rewardgate.errors import RewardGateError
from rewardgate.files import read_table, write_jsonl_gz
from rewardgate.metrics import Scored
from rewardgate.reward_model import RewardModel
from rewardgate.settings import load_settings
from rewardgate.simulate import simulate

PARAMS = Path(__file__).parents[2] / "params.yaml"
SETTINGS = load_settings(PARAMS)
BASELINES = accuracy.BASELINES

Run = Callable[..., list[dict]]


@pytest.fixture(scope="module")
def rankings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = SETTINGS.simulate.model_copy(update={"prompts": 120, "responses": (2, 4)})
    path = tmp_path_factory.mktemp("rankings") / "simulated.jsonl.gz"
    write_jsonl_gz(path, simulate(settings, "default", 1).records)
    return path


@pytest.fixture
def run(rankings: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    small = {"base": str(tiny_encoder), "presets.other.max_length": 64}
    configs = {"tiny": small, "tiny-balanced": {**small, "loss.length": "balanced"}}
    monkeypatch.setattr(accuracy, "CONFIGS", configs)
    quick = {name: BASELINES[name] for name in ("longest-wins", "shortest-wins")}
    monkeypatch.setattr(accuracy, "BASELINES", quick)
    monkeypatch.setattr("benchmarks.accuracy_table.RESAMPLES", 200)

    def run(*options: str, code: int = 0) -> list[dict]:
        common = ["--rankings", str(rankings), "--out", str(tmp_path), "--params", str(PARAMS)]
        assert accuracy.main([*common, *options]) == code
        return json.loads((tmp_path / "accuracy.json").read_text())

    return run


def test_trains_scores_and_prints_every_judge(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(accuracy, "BASELINES", BASELINES)
    rows = run("--prompts", "40")
    assert [row["config"] for row in rows] == [*BASELINES, "tiny", "tiny-balanced"]
    by_name = {row["config"]: row for row in rows}
    tiny = by_name["tiny"]
    assert tiny["account"]["prompts"] == 40
    assert tiny["minutes"] >= 0
    assert by_name["longest-wins"]["adverse_accuracy"]["estimate"] == 0
    assert by_name["longest-wins"]["minus_longest_wins"]["estimate"] == 0
    assert by_name["longest-wins"]["accuracy"]["estimate"] == tiny["longest_wins"]
    assert set(tiny["domains"]) == set(SETTINGS.validation.known_domains)
    scores = read_table(tmp_path / "tiny.parquet")
    assert list(scores) == ["prompt_id", "ranking_id", "response_id", "score"]
    assert scores["score"].nunique() > 20
    printed = capsys.readouterr().out
    assert cell(tiny["accuracy"]).replace("\\", "") in printed


def test_a_killed_run_goes_on_with_the_next_configuration(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = accuracy.judge
    judged: list[str] = []

    def dying(name: str, *rest: object) -> object:
        if name == "tiny-balanced" and not judged.count(name):
            judged.append(name)
            raise KeyboardInterrupt
        judged.append(name)
        return judge(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(accuracy, "judge", dying)
    with pytest.raises(KeyboardInterrupt):
        run("--prompts", "8")
    before = len(judged)
    rows = run("--prompts", "8")
    assert judged[before:] == ["tiny-balanced"]
    assert run("--prompts", "8") == rows
    assert len(judged) == before + 1
    run("--prompts", "9", "--configs", "tiny")
    assert judged[before + 1 :] == ["tiny"]


def test_rebuild_prints_what_is_stored_and_trains_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = run("--configs")
    monkeypatch.setattr(accuracy, "judge", None)
    assert run("--rebuild", "--minutes", "3") == rows
    assert "tiny: nothing stored" in capsys.readouterr().out


def test_scores_of_another_test_set_are_refused(tmp_path: Path) -> None:
    table = responses_table([("q", [("a", 1), ("b", 2)])])
    judged = accuracy.Judged(np.array([1.0, 2.0]), None, {})
    accuracy.store(tmp_path, "x", "f", table, judged)
    kept = accuracy.stored(tmp_path, "x", "f", table, whatever_made_it=False)
    assert kept is not None
    assert kept.scores.tolist() == [1, 2]
    assert accuracy.stored(tmp_path, "x", "other", table, whatever_made_it=False) is None
    other = responses_table([("q", [("a", 1), ("b", 2), ("c", 3)])])
    with pytest.raises(RewardGateError, match="another test set"):
        accuracy.stored(tmp_path, "x", "other", other, whatever_made_it=True)


def test_a_configuration_that_fails_does_not_stop_the_others(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"broken": {"base": "./nowhere"}, "tiny": accuracy.CONFIGS["tiny"]}
    monkeypatch.setattr(accuracy, "CONFIGS", changes)
    rows = run("--prompts", "8", code=2)
    assert "broken: train.base: ./nowhere" in capsys.readouterr().err
    assert [row["config"] for row in rows] == [*accuracy.BASELINES, "tiny"]


@pytest.mark.parametrize("name", list(accuracy.CONFIGS))
def test_each_configuration_fits_the_settings(name: str) -> None:
    config = accuracy.changed(SETTINGS.train, accuracy.CONFIGS[name])
    assert config.base in config.presets


def test_prompts_fill_the_minutes_at_the_speed_of_the_probe(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = responses_table([(f"who {i} ?", [("good answer", 1), ("bad", 2)]) for i in range(50)])
    model = RewardModel.from_base(str(tiny_encoder), 64, seed=0)
    tokens = sum(len(model.encoder.encode("who 1 ?", text).ids) for text in ("good answer", "bad"))
    probe = accuracy.Trained(model, {"tokens": 10 * tokens}, minutes=1.0)
    monkeypatch.setattr(accuracy, "train_on", lambda *_: probe)
    data = accuracy.Data(table, table, table, {})
    # 10 prompts a minute, 90 % of 3 minutes; the 40 prompts from number 10 on have a token more
    assert 24 <= accuracy.prompts_within(3, SETTINGS.train, data, seed=0) <= 27


def test_shuffling_moves_whole_prompts() -> None:
    table = responses_table([(f"q{i}", [(f"a{i}", 1), (f"b{i}", 2)]) for i in range(30)])
    shuffled = accuracy.shuffled(table, seed=3)
    assert list(shuffled["prompt_id"]) != list(table["prompt_id"])
    assert list(shuffled["rank"]) == [1, 2] * 30
    assert sorted(shuffled["text"]) == sorted(table["text"])
    assert accuracy.shuffled(table, seed=3).equals(shuffled)


def test_figures_by_hand() -> None:
    table = responses_table(
        [("q", [("a b c", 1), ("a b", 2), ("a", 3)]), ("r", [("one", 1), ("one two", 2)])]
    )
    row = figures(Scored.of(table.assign(score=[1.0, 3.0, 0.0, 5.0, 5.0])), seed=0)
    # margins of q: -2, 1, 3, of r: 0, the only length-adverse pair; longest wins 3 of 4
    assert row["accuracy"]["estimate"] == pytest.approx(2.5 / 4)
    assert row["accuracy_per_prompt"]["estimate"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert row["longest_wins"] == 0.75
    assert row["minus_longest_wins"]["estimate"] == pytest.approx(2.5 / 4 - 3 / 4)
    assert row["adverse_accuracy"] == {
        "estimate": 0.5, "low": None, "high": None, "prompts": 1, "pairs": 1,
    }  # fmt: skip
    assert cell(row["adverse_accuracy"]) == "50.0 (one prompt)"
