"""The loader refuses what was not promoted; what it loads gives finite numbers or an error."""

from pathlib import Path

import pytest
import torch
from scoring_project import REWARDS, make_scoring_project, publish_bundle, save_fresh

import rewardgate
from rewardgate.bundle import load_promoted
from rewardgate.errors import RewardGateError
from rewardgate.manifest import bundle_files, read_manifest
from rewardgate.parts import logged_parts
from rewardgate.registry import find_version, promote, rollback
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


@pytest.mark.parametrize(
    ("prompts", "responses", "told"),
    [
        (["what ?"], ["a", "b"], "1 prompts, 2 responses and 2 references; give as many"),
        (["what ?"], [b"yes"], "response 1: must be text, and is bytes; give a string"),
        (["what ?"], [None], "response 1: must be text, and is NoneType"),
        (["a", b"\xffb".decode(errors="surrogateescape")], ["a", "b"], "prompt 2: character 1 is"),
        (["what ?"], [b"it \xff".decode(errors="surrogateescape")], "response 1: character 4 is a"),
    ],
)
def test_what_is_no_text_is_told_in_one_line(
    prompts: list[str], responses: list[str], told: str, project: Path
) -> None:
    with pytest.raises(RewardGateError, match=told) as error:
        load_promoted(project / "models/promoted").rewards(prompts, responses)
    assert "\n" not in str(error.value)


def test_of_nothing_there_are_no_rewards(project: Path) -> None:
    assert load_promoted(project / "models/promoted").rewards([], []) == []
    assert logged_parts([]) == {}


def test_a_response_of_ten_megabytes_is_rewarded(project: Path, tmp_path: Path) -> None:
    """Its million lines are a million steps, nearly all beyond what the model reads."""
    params = {"rewards": {**REWARDS, "granularity": "step"}}
    reports = {"calibration": {"mean": 0.1, "std": 0.5, "temperature": 1.0}}
    publish_bundle(project / "fresh", reports, tmp_path / "promoted", params=params)
    row = load_promoted(tmp_path / "promoted").reward("what ?", "good long\n" * 1_000_000)
    assert row["length_penalty"] == 1.0
    assert row["repetition_penalty"] == pytest.approx(1.0, abs=1e-4)
    assert -5 <= row["reward"] <= 1.001
    assert len(row["steps"]) == 1_000_000
    assert sum(step["reward"] for step in row["steps"]) == pytest.approx(row["reward"])


def test_earlier_versions_stay_loadable(project: Path, tmp_path: Path) -> None:
    """After two promotions, and after a rollback: by alias, by version, and by folder."""
    promoted = tmp_path / "promoted"
    promoted.mkdir()
    manifests = []
    for weight in (1.0, 0.5):
        folder = publish_with_rules(project, tmp_path / f"made-{weight}/promoted", [])
        manifest = read_manifest(folder)
        params = {"rewards": {**REWARDS, "rm_weight": weight, "rules": []}}
        manifests.append(manifest.model_copy(update={"params": params}))
        files = {n: p for n, p in bundle_files(folder).items() if n != "manifest.json"}
        promote(files, manifests[-1], promoted, None)
    first, second = (manifest.version() for manifest in manifests)

    def versions() -> tuple[str, ...]:
        aliases = (promoted, promoted / "current", promoted / "previous")
        return tuple(load_promoted(alias).version for alias in aliases)

    assert versions() == (second, second, first)
    rewards = [load_promoted(promoted / v).reward("what ?", "yes")["rm"] for v in (first, second)]
    assert rewards[0] == pytest.approx(2 * rewards[1])
    assert load_promoted(promoted / "previous").reward("what ?", "yes")["rm"] == rewards[0]

    rollback(promoted, "previous", "it grew long", None)
    assert versions() == (first, first, second)
    assert load_promoted(promoted / "previous").reward("what ?", "yes")["rm"] == rewards[1]
    assert load_promoted(find_version(promoted, second[:6])).version == second
