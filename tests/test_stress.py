from pathlib import Path

import pytest
import torch
import yaml
from test_rewards import REWARDS

from rewardgate.errors import RewardGateError
from rewardgate.reward_model import RewardModel
from rewardgate.stress import load_cases, run_stress

CASE = """
cases:
  - case: sum
    domain: arithmetic
    prompt: what is two plus two ?
    responses: {correct_brief: four, empty: "", long_rambling: very long answer}
    best: correct_brief
"""
CALIBRATION = {"mean": 0.0, "std": 1.0, "temperature": 2.0}


def cases_file(folder: Path, text: str) -> Path:
    path = folder / "cases.yaml"
    path.write_text(text, encoding="utf-8")
    return path


class Judge(RewardModel):
    """A tiny model whose score is replaced by a rule, so that outcomes are known."""

    rule = staticmethod(lambda text: 0.0)

    def scores(self, encoded):  # type: ignore[no-untyped-def]
        return torch.tensor([self.rule(self.tokenizer.decode(item.ids)) for item in encoded])


def report(tiny_decoder: Path, tmp_path: Path, rule) -> dict:
    judge = Judge.from_base(str(tiny_decoder), max_length=64, seed=0)
    judge.rule = rule  # type: ignore[method-assign]
    cases = load_cases(cases_file(tmp_path, CASE))
    return run_stress(judge, cases, 100, REWARDS, CALIBRATION)


def test_a_judge_of_brevity_and_content_passes_every_family(
    tiny_decoder: Path, tmp_path: Path
) -> None:
    found = report(
        tiny_decoder, tmp_path, lambda text: 5.0 - len(text) / 100 if "four" in text else -3.0
    )
    assert {family["pass_share"] for family in found["families"].values()} == {1.0}
    empty = found["families"]["edge_empty"]
    assert empty["mean_margin_bt_logits"] > 3
    assert empty["max_total"] == REWARDS.floor
    assert found["families"]["edge_very_long"]["mean_length_penalty"] > 0.9
    assert found["families"]["edge_repeated_answer"]["mean_repetition_penalty"] > 0.5


def test_a_judge_of_length_fails_the_long_families_only(tiny_decoder: Path, tmp_path: Path) -> None:
    found = report(tiny_decoder, tmp_path, lambda text: float(len(text)))
    shares = {name: family["pass_share"] for name, family in found["families"].items()}
    assert shares["long_rambling"] == shares["edge_very_long"] == 0
    assert shares["empty"] == 1


def test_a_domain_that_is_judged_upside_down_is_seen_beside_sound_ones(
    tiny_decoder: Path, tmp_path: Path
) -> None:
    upside_down = {
        "case": "colour",
        "domain": "facts",
        "prompt": "which colour is grass ?",
        "responses": {"correct_brief": "green", "wrong": "red"},
        "best": "correct_brief",
    }
    text = CASE + "".join(f"  {line}\n" for line in yaml.safe_dump([upside_down]).splitlines())
    judge = Judge.from_base(str(tiny_decoder), max_length=64, seed=0)
    judge.rule = lambda text: 5.0 if "four" in text else -1.0 if "green" in text else 0.0  # type: ignore[method-assign]
    cases = load_cases(cases_file(tmp_path, text))
    domains = run_stress(judge, cases, 100, REWARDS, CALIBRATION)["domains"]
    assert domains["arithmetic"]["pass_share"] == 0.8  # two repeat the answer
    assert domains["facts"] == {"outcomes": 9, "passed": 0, "pass_share": 0.0}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_not_finite_never_passes(
    tiny_decoder: Path, tmp_path: Path, value: float
) -> None:
    found = report(tiny_decoder, tmp_path, lambda text: value)
    family = found["families"]["long_rambling"]
    assert (family["finite"], family["pass_share"]) == (0, 0)
    assert family["mean_margin_bt_logits"] is None


def test_equal_scores_do_not_pass(tiny_decoder: Path, tmp_path: Path) -> None:
    found = report(tiny_decoder, tmp_path, lambda text: 1.0)
    assert {family["pass_share"] for family in found["families"].values()} == {0.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: []", "at least one case"),
        ("- a", "must hold a list under `cases:`"),
        ("cases: [", "not YAML"),
        (CASE.replace("best: correct_brief", "best: other"), "case sum: best: 'other' is not"),
        (CASE.replace("    best: correct_brief\n", ""), "case sum: best: Field required"),
        (CASE.replace("domain: arith", "domian: arith"), "case sum: domain: Field required"),
        (CASE + CASE.split("cases:\n")[1], "case sum occurs twice"),
    ],
)
def test_bad_cases_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RewardGateError) as caught:
        load_cases(cases_file(tmp_path, text))
    assert message in str(caught.value)
    assert "cases.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RewardGateError, match=r"none\.yaml: no such file"):
        load_cases(tmp_path / "none.yaml")


def test_a_folder_of_case_files_is_read_in_order_of_their_names(tmp_path: Path) -> None:
    other = CASE.replace("case: sum", "case: product")
    (tmp_path / "b.yaml").write_text(CASE, encoding="utf-8")
    (tmp_path / "a.yaml").write_text(other, encoding="utf-8")
    (tmp_path / "hacks.yaml").write_text("cases: []", encoding="utf-8")
    assert [case.case for case in load_cases(tmp_path)] == ["product", "sum"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no file *.yaml in it holds a case"),
        ({"a.yaml": "cases: []"}, "no file *.yaml in it holds a case"),
        ({"a.yaml": CASE, "b.yaml": CASE}, "case sum occurs twice"),
        ({"a.yaml": CASE, "b.yaml": "- a"}, "b.yaml: must hold a list under `cases:`"),
    ],
)
def test_a_bad_folder_of_cases_is_named(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(RewardGateError) as caught:
        load_cases(tmp_path)
    assert message in str(caught.value)
