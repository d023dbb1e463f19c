from pathlib import Path

import pytest

from rewardgate.errors import RewardGateError
from rewardgate.params import change_params
from rewardgate.settings import load_settings

PARAMS = Path(__file__).parent.parent / "params.yaml"


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def test_the_shipped_params_are_valid_and_keep_the_promised_thresholds() -> None:
    settings = load_settings(PARAMS)
    thresholds = {check.name: check.threshold for check in settings.gate.checks}
    assert (thresholds["mean_margin"], thresholds["accuracy"]) == (1.0, 0.65)
    assert settings.train.preset == settings.train.presets["minilm"]


def test_a_base_without_a_preset_of_its_own_uses_other(params: Path) -> None:
    change_params(params, ["train.base=./my-model"])
    train = load_settings(params).train
    assert train.preset == train.presets["other"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 2", "sead: 2", "seed: missing key"),
        ("seed: 2", "speed: 1\nseed: 2", "speed: unknown key"),
        ("resamples: 10000", "resamples: few", "gate.resamples: "),
        ("resamples: 10000", "resamples: 10", "gate.resamples: "),
        ("threshold: 0.65", "threshold: high", "check accuracy: 'high' names none of the reports"),
        ("- name: accuracy", "- name: mean_margin", "gate: checks: the name mean_margin occurs"),
        ("train: 0.65", "train: 0.45", "split.shares: the four shares must sum to 1, not 0.8"),
        ("preset: default", "preset: nobody", "'nobody' is none of biased, default"),
        ("    other:\n", "    another:\n", "train: train.presets needs an entry `other`"),
        ("seed: 2", "seed: [", "not YAML"),
    ],
)
def test_a_fault_is_one_line_with_file_and_key(
    params: Path, old: str, new: str, message: str
) -> None:
    text = params.read_text(encoding="utf-8")
    assert old in text
    params.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RewardGateError) as caught:
        load_settings(params)
    assert message in str(caught.value)
    assert "params.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_changing_a_setting_touches_no_other_line(params: Path) -> None:
    before = params.read_text(encoding="utf-8")
    change_params(params, ["preset=biased", "gate.checks.accuracy.threshold=0.71"])
    settings = load_settings(params)
    (accuracy,) = [check for check in settings.gate.checks if check.name == "accuracy"]
    assert (settings.preset, accuracy.threshold) == ("biased", 0.71)
    expected = before.replace("preset: default ", "preset: biased  ", 1)
    expected = expected.replace("threshold: 0.65", "threshold: 0.71")
    after = params.read_text(encoding="utf-8")
    assert [line.split() for line in after.splitlines()] == [
        line.split() for line in expected.splitlines()
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("preset", "write it as KEY=VALUE"),
        ("no.such=1", "has no key no.such"),
        ("gate.checks.accuracy.threshold=high", "check accuracy: 'high' names none"),
        ("gate.checks.beauty.threshold=1", "has no key gate.checks.beauty.threshold"),
        ("preset=[", "not YAML"),
    ],
)
def test_a_bad_change_leaves_the_file_alone(params: Path, change: str, message: str) -> None:
    before = params.read_bytes()
    with pytest.raises(RewardGateError, match=message):
        change_params(params, ["seed=1", change])
    assert params.read_bytes() == before
    assert [file.name for file in params.parent.iterdir()] == ["params.yaml"]


def test_the_words_safety_domains_stand_for_their_list(params: Path) -> None:
    change_params(params, ["gate.safety_domains=[harmless]"])
    checks = {check.name: check for check in load_settings(params).gate.checks}
    assert checks["safety_accuracy"].only == checks["champion_safety"].only == ["harmless"]
    assert checks["champion_domains"].without == ["harmless"]
