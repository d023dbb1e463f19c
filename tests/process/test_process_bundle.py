"""A promoted bundle with a process model: its reward is of response, steps and rules."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from judged_project import accuracy_checks
from project import ROOT
from scoring_project import REWARDS, publish_bundle, save_fresh

from rewardgate.bundle import Promoted, load_promoted
from rewardgate.checklist import judge
from rewardgate.errors import RewardGateError
from rewardgate.params import change_params
from rewardgate.process.combined import step_probabilities
from rewardgate.reward_model import RewardModel
from rewardgate.settings import Settings, load_settings

PROMPT, WEIGHT = "what is it ?", 2.0
STEPS, AT_FLOOR = "a good answer\na bad answer\nit is long", "...\n!!!"
RULES = [{"name": "matches", "weight": 0.5, "options": {"pattern": "good"}}]
CALIBRATION = {"calibration": {"mean": 0.1, "std": 0.5, "temperature": 1.0}}


@pytest.fixture(scope="module")
def models(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with a reward model, `model`, and a process model, `process`."""
    folder = tmp_path_factory.mktemp("models")
    save_fresh(tiny_decoder, folder / "model")
    save_fresh(tiny_encoder, folder / "process")
    return folder


def publish(models: Path, promoted: Path, process: str | None = "process", **rewards: Any) -> Path:
    composition = {**REWARDS, "rules": RULES, **rewards}
    return publish_bundle(
        models / "model",
        CALIBRATION,
        promoted,
        models / process if process else None,
        params={"rewards": composition},
    )


def load(models: Path, promoted: Path, granularity: str, weight: float) -> Promoted:
    publish(models, promoted, granularity=granularity, process_weight=weight)
    return load_promoted(promoted)


@pytest.mark.parametrize("granularity", ["sequence", "step", "token"])
def test_the_reward_is_of_the_response_its_steps_and_the_rules(
    models: Path, tmp_path: Path, granularity: str
) -> None:
    bundle = load(models, tmp_path / "with/promoted", granularity, WEIGHT)
    without = load(models, tmp_path / "without/promoted", granularity, 0.0)
    assert without.process is None
    texts = ([PROMPT] * 3, [STEPS, "yes", AT_FLOOR])
    rows, alone = bundle.rewards(*texts), without.rewards(*texts)
    ends = [[step["end"] for step in row["steps"]] for row in rows]
    assert ends == [[13, 26, 37], [3], [3, 7]]
    right = step_probabilities(RewardModel.load(models / "process"), *texts, ends)
    for row, before, probabilities in zip(rows[:2], alone, right, strict=False):
        assert row["process"] == pytest.approx(WEIGHT * probabilities.min())
        parts = row["rm"] - row["length_penalty"] - row["repetition_penalty"]
        total = parts + sum(row["rules"].values()) + row["process"]
        assert row["reward"] == pytest.approx(total)
        assert row["reward"] == pytest.approx(before["reward"] + row["process"])
        assert [step["right"] for step in row["steps"]] == pytest.approx(probabilities.tolist())
    for row, before in zip(rows, alone, strict=True):
        assert sum(step["reward"] for step in row["steps"]) == pytest.approx(row["reward"])
        assert ("tokens" in row) == (granularity == "token")
        if granularity == "token":
            assert [one["end"] for one in row["tokens"]] == [one["end"] for one in before["tokens"]]
            assert sum(token["reward"] for token in row["tokens"]) == pytest.approx(row["reward"])
    assert (rows[2]["reward"], rows[2]["process"]) == (REWARDS["floor"], 0.0)


def test_what_a_step_earns_falls_on_the_token_that_ends_it(models: Path, tmp_path: Path) -> None:
    bundle = load(models, tmp_path / "with/promoted", "token", WEIGHT)
    without = load(models, tmp_path / "without/promoted", "token", 0.0)
    row, before = bundle.reward(PROMPT, STEPS), without.reward(PROMPT, STEPS)
    (right,) = step_probabilities(bundle.process, [PROMPT], [STEPS], [[13, 26, 37]])
    least = [right[0], min(right[:2]), min(right)]
    earned = {13: least[0], 26: least[1] - least[0], 37: least[2] - least[1]}
    for token, was in zip(row["tokens"], before["tokens"], strict=True):
        expected = was["reward"] + WEIGHT * earned.get(token["end"], 0.0)
        assert token["reward"] == pytest.approx(expected, abs=1e-6)


def test_an_altered_or_missing_process_model_is_refused(models: Path, tmp_path: Path) -> None:
    folder = publish(models, tmp_path / "promoted", process_weight=WEIGHT)
    with (folder / "process/model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    with pytest.raises(RewardGateError, match=r"process/model\.safetensors: altered"):
        load_promoted(tmp_path / "promoted")
    publish(models, tmp_path / "other/promoted", None, process_weight=WEIGHT)
    with pytest.raises(
        RewardGateError, match=r"no process model, and rewards\.process_weight is 2"
    ):
        load_promoted(tmp_path / "other/promoted")


def test_a_probability_that_is_no_number_is_refused(models: Path, tmp_path: Path) -> None:
    model = RewardModel.load(models / "process")
    word = model.tokenizer.convert_tokens_to_ids("berlin")
    with torch.no_grad():
        model.model.get_input_embeddings().weight[word] = float("nan")
    shutil.copytree(models / "model", tmp_path / "model")
    model.save(tmp_path / "process")
    publish(tmp_path, tmp_path / "promoted", process_weight=WEIGHT)
    bundle = load_promoted(tmp_path / "promoted")
    assert bundle.reward(PROMPT, "yes")["process"] > 0
    with pytest.raises(RewardGateError, match="scores the response 'it is berlin' with nan"):
        bundle.reward(PROMPT, "it is berlin")


def test_for_debugging_the_projects_own_process_model_is_loaded(
    models: Path, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    change_params(
        tmp_path / "params.yaml",
        ["rewards.process_weight=0.5", "gate.process=reports/process.json"],
    )
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/calibration.json").write_text('{"mean": 0.1, "std": 0.5}')
    shutil.copytree(models / "model", tmp_path / "models/candidate")
    with pytest.raises(RewardGateError, match="run `dvc repro evaluate_process`"):
        load_promoted(tmp_path / "models/candidate", allow_unpromoted=True)
    shutil.copytree(models / "process", tmp_path / "models/process")
    row = load_promoted(tmp_path / "models/candidate", allow_unpromoted=True).reward(PROMPT, STEPS)
    assert 0 < row["process"] < 0.5
    assert row["promoted"] is False


def test_the_settings_go_together(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    for changes, told in (
        (["rewards.process_weight=0.5"], "must be reports/process.json where rewards.process_wei"),
        (["gate.process=reports/process.json"], "must be reports/evaluation.json where rewards"),
        (["rewards.process_weight=-1"], "greater than or equal to 0"),
        (
            [
                "rewards.process_weight=0.5",
                "gate.process=reports/process.json",
                "gate.checks.process_f1.figure=custom:f1",
            ],
            "no check of severity block judges a figure of process:",
        ),
    ):
        shutil.copy(ROOT / "params.yaml", params)
        with pytest.raises(RewardGateError, match=told):
            change_params(params, changes)


def with_weight(weight: float) -> Settings:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    check = next(one for one in values["gate"]["checks"] if one["name"] == "process_f1")
    values["gate"]["checks"] = [*accuracy_checks(values["gate"]["items"], 0.65), check]
    values["rewards"]["process_weight"] = weight
    if weight:
        values["gate"]["process"] = "reports/process.json"
    return Settings.model_validate(values)


@pytest.mark.parametrize(
    ("weight", "f1", "outcome"),
    [
        (0.5, {"estimate": 0.55, "low": 0.5, "high": 0.6, "prompts": 90, "pairs": 300}, "pass"),
        (0.5, {"estimate": 0.45, "low": 0.38, "high": 0.6, "prompts": 90, "pairs": 300}, "fail"),
        (0.5, {"estimate": 0.9, "low": 0.8, "high": 1.0, "prompts": 9, "pairs": 20}, "undecided"),
        (0.5, None, "undecided"),
        (0.0, None, None),
    ],
)
def test_the_lower_end_of_f1_is_judged_where_the_model_takes_part(
    weight: float, f1: dict[str, Any] | None, outcome: str | None
) -> None:
    settings = with_weight(weight)
    reports = {} if f1 is None else {"process": {"intervals": {"f1": f1}}}
    items = {item.key: item for item in judge(settings.gate, settings.rewards, reports)}
    found = [one.outcome for one in items["mixed_reward"].checks if one.name == "process_f1"]
    assert found == ([] if outcome is None else [outcome])


def test_by_default_there_is_no_process_model() -> None:
    settings = load_settings(ROOT / "params.yaml")
    assert settings.rewards.process_weight == 0
    assert settings.gate.process == "reports/evaluation.json"
