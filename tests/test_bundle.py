"""The loader refuses what was not promoted; what it loads gives finite numbers or an error."""

from pathlib import Path

import pytest
import torch
from scoring_project import REWARDS, make_scoring_project, publish_bundle, save_fresh

import rewardgate
from rewardgate.bundle import load_promoted
from rewardgate.errors import RewardGateError
from rewardgate.parts import logged_parts
from rewardgate.reward_model import RewardModel

RULES = [
    {"name": "exact", "label": "right", "weight": 2.0, "options": {"answer": r"(\S+)$"}},
    {"name": "matches_not", "label": "safe", "hard": True, "options": {"pattern": "bad"}},
]


@pytest.fixture(scope="module")
def project(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "project"
    return make_scoring_project(tiny_encoder, tiny_decoder, folder)


def publish_with_rules(project: Path, promoted: Path, rules: list[dict[str, object]]) -> Path:
    (promoted.parent).mkdir(parents=True, exist_ok=True)
    reports = {"calibration": {"mean": 0.1, "std": 0.5, "temperature": 1.0}}
    params = {"rewards": {**REWARDS, "rules": rules}}
    return publish_bundle(project / "fresh", reports, promoted, params=params)


def test_the_rules_of_the_bundle_are_in_its_rewards(project: Path, tmp_path: Path) -> None:
    publish_with_rules(project, tmp_path / "promoted", RULES)
    bundle = rewardgate.load_promoted(tmp_path / "promoted")
    texts = ["it is paris", "it is rome", "bad paris"]
    rows = bundle.rewards(["capital ?"] * 3, texts, ["paris", {"right": "paris"}, {}])
    assert [row["rules"] for row in rows] == [
        {"right": 2.0, "safe": 1.0},
        {"right": 0.0, "safe": 1.0},
        {"safe": 0.0},
    ]
    assert [row["broken"] for row in rows] == [[], [], ["safe"]]
    for row in rows[:2]:
        rules = sum(row["rules"].values())
        soft = row["rm"] - row["length_penalty"] - row["repetition_penalty"]
        assert row["reward"] == pytest.approx(soft + rules)
    assert rows[2]["reward"] == REWARDS["floor"]
    assert rows[0]["promoted"] is True
    forgotten = bundle.reward("capital ?", "it is paris")
    assert "the prompt has no reference" in forgotten["faults"]["right"]
    parts = logged_parts([*rows, forgotten])
    assert parts["rule_right"] == [2.0, 0.0, 0.0, 0.0]
    assert parts["broken"] == [0, 0, 1, 0]
    assert parts["faults"] == [0, 0, 0, 1]


def test_a_bundle_whose_rules_are_not_installed_is_told(project: Path, tmp_path: Path) -> None:
    publish_with_rules(project, tmp_path / "promoted", [{"name": "house_style"}])
    with pytest.raises(RewardGateError, match=r"manifest.json: params.rewards: rule 'house_style'"):
        load_promoted(tmp_path / "promoted")


def test_lists_of_unequal_length_are_refused(project: Path) -> None:
    bundle = load_promoted(project / "models/promoted")
    with pytest.raises(RewardGateError, match="2 prompts, 1 responses and 1 references"):
        bundle.rewards(["a", "b"], ["c"])
    assert bundle.rewards([], []) == []


def test_no_number_is_an_error_that_names_the_response(tiny_encoder: Path, tmp_path: Path) -> None:
    model = RewardModel.from_base(str(tiny_encoder), max_length=64, seed=0)
    word = model.tokenizer.convert_tokens_to_ids("berlin")
    with torch.no_grad():
        model.model.get_input_embeddings().weight[word] = float("nan")
    model.save(tmp_path / "fresh")
    publish_with_rules(tmp_path, tmp_path / "promoted", [])
    bundle = load_promoted(tmp_path / "promoted")
    with pytest.raises(RewardGateError, match="scores the response 'it was berlin' with nan"):
        bundle.rewards(["where ?"] * 2, ["it was paris", "it was berlin"])


def test_what_was_not_promoted_is_loaded_for_debugging_alone(project: Path) -> None:
    candidate = project / "models/candidate"
    with pytest.raises(RewardGateError, match=r"no promoted bundle \(manifest.json is missing\)"):
        load_promoted(candidate)
    (project / "reports").mkdir(exist_ok=True)
    (project / "reports/calibration.json").write_text('{"mean": 0, "std": 1, "temperature": 1}')
    row = load_promoted(candidate, allow_unpromoted=True).reward("what ?", "good answer")
    assert row["promoted"] is False
    assert row["model"].startswith("unpromoted-")


def test_an_altered_bundle_is_loaded_for_debugging_alone(
    project: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    save_fresh(tiny_encoder, tmp_path / "fresh")
    version = publish_with_rules(tmp_path, tmp_path / "promoted", [])
    whole = load_promoted(version).reward("what ?", "good answer")
    (version / "config.json").write_text((version / "config.json").read_text() + "\n")
    with pytest.raises(RewardGateError, match=r"config\.json: altered"):
        load_promoted(tmp_path / "promoted")
    row = load_promoted(tmp_path / "promoted", allow_unpromoted=True).reward(
        "what ?", "good answer"
    )
    assert (row["reward"], row["promoted"]) == (whole["reward"], False)


def test_a_space_at_the_end_of_a_response_plays_no_part(project: Path, tmp_path: Path) -> None:
    publish_with_rules(project, tmp_path / "promoted", [{"name": "exact", "label": "right"}])
    bundle = load_promoted(tmp_path / "promoted")
    plain = bundle.reward("capital ?", "paris", "paris")
    assert bundle.reward(" capital ?", "paris \r\n", "paris") == plain
    assert plain["rules"] == {"right": 1.0}
