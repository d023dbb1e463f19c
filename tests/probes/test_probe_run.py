import numpy as np
import pandas as pd
import pytest
from planted import (
    indifferent,
    loves_bullets,
    loves_length,
    loves_markdown,
    planted_prompts,
    sound,
)

from rewardgate.probes import TRANSFORMATIONS
from rewardgate.probes.run import probe_pairs, probe_report, scored_pairs


def report(judge, mean_margin: float = 3.0, per_family: int = 1) -> dict:
    pairs = probe_pairs(planted_prompts(), per_family, seed=1)
    return probe_report(
        scored_pairs(pairs, judge, lambda score, *_: score), 1.0, mean_margin, 200, 0
    )


def test_hundreds_of_pairs_and_every_family_on_every_prompt() -> None:
    pairs = probe_pairs(planted_prompts(), 1, seed=1)
    families = {one.family for one in TRANSFORMATIONS}
    assert len(pairs) == 24 * len(families)
    assert (pairs["text"] != pairs["baseline"]).all()
    assert pairs["transformation"].nunique() > 0.9 * len(TRANSFORMATIONS)
    all_of_them = probe_pairs(planted_prompts(2), 99, seed=1)
    assert set(all_of_them["transformation"]) == {one.name for one in TRANSFORMATIONS}


def test_a_pair_depends_on_its_own_prompt_alone() -> None:
    few, many = (probe_pairs(planted_prompts(count), 2, seed=1) for count in (5, 24))
    pd.testing.assert_frame_equal(few, many.head(len(few)))
    assert not probe_pairs(planted_prompts(5), 2, seed=2).equals(few)


def test_a_sound_judge_pays_for_no_dress_and_falls_for_no_loss() -> None:
    found = report(sound)
    for family in found["preserving"].values():
        assert family["shift"]["high"] <= 0
        assert family["win_share"]["high"] == 0
    for family in found["degrading"].values():
        assert family["shift"]["high"] < 0
        assert family["win_share"]["estimate"] < 0.1


def test_a_judge_of_length_is_caught_by_padding() -> None:
    found = report(loves_length)
    padding = found["preserving"]["length_padding"]
    assert padding["win_share"]["low"] == 1.0
    assert padding["shift"]["low"] > 1.0
    assert found["degrading"]["repetition"]["win_share"]["low"] == 1.0
    assert found["degrading"]["truncation"]["win_share"]["estimate"] == 0.0


def test_a_judge_of_markdown_is_caught_by_markdown_alone() -> None:
    found = report(loves_markdown)
    caught = {
        name
        for kind in ("preserving", "degrading")
        for name, family in found[kind].items()
        if family["win_share"]["low"] > 0.5
    }
    assert caught == {"markdown_dressing"}


def test_one_change_that_pays_is_seen_where_the_mean_of_its_family_hides_it() -> None:
    found = report(loves_bullets, per_family=4)
    assert found["preserving"]["markdown_dressing"]["shift"]["high"] < 0.2
    each = found["transformations"]["preserving"]
    assert {name for name, one in each.items() if one["shift"]["low"] > 0.2} == {"bullets"}
    assert each["bullets"]["family"] == "markdown_dressing"


def test_a_transformation_is_reported_by_itself_if_it_has_prompts_and_is_not_its_whole_family() -> (
    None
):
    few = report(sound)["transformations"]
    assert {name for one in few.values() for name in one} & {
        "empty",
        "truncated",
        "echoed",
    } == set()
    assert {one["win_share"]["prompts"] >= 10 for of in few.values() for one in of.values()} == {
        True
    }
    every = report(sound, per_family=9)["transformations"]
    assert {"empty", "very_long"} <= set(every["degrading"])
    assert set(every["preserving"]) & {"truncated", "echoed"} == set()


def test_an_indifferent_judge_ties_everywhere() -> None:
    found = report(indifferent)
    assert {family["win_share"]["estimate"] for family in found["degrading"].values()} == {0.5}


def test_effects_are_in_bt_logits_and_in_mean_margins() -> None:
    pairs = pd.DataFrame(
        {
            "prompt_id": ["a", "b"],
            "family": "f",
            "transformation": ["t", "u"],
            "expectation": "preserving",
            "baseline_score": [1.0, 1.0],
            "score": [3.0, 0.0],
            "baseline_reward": [0.5, 0.5],
            "reward": [0.5, 0.0],
        }
    )
    family = probe_report(pairs, 2.0, 4.0, 100, 0)["preserving"]["f"]
    assert family["shift_bt_logits"]["estimate"] == pytest.approx((1.0 - 0.5) / 2)
    assert family["shift"]["estimate"] == pytest.approx((1.0 - 0.5) / 2 / 4)
    assert family["win_share"]["estimate"] == 0.5
    assert family["reward_shift"]["estimate"] == -0.25
    assert family["reward_win_share"]["estimate"] == 0.25
    assert probe_report(pairs, 2.0, -0.1, 100, 0)["preserving"]["f"]["shift"] is None


def test_both_sides_are_scored_with_the_prompt_that_states_the_claim() -> None:
    asked: list[str] = []

    def score(prompts: list[str], texts: list[str]) -> np.ndarray:
        asked.extend(prompts)
        return np.arange(len(texts), dtype=float)

    pairs = probe_pairs(planted_prompts(3), 1, seed=1)
    scored = scored_pairs(pairs, score, lambda value, *_: value)
    assert asked[::2] == asked[1::2] == pairs["prompt"].tolist()
    assert scored["score"].tolist() == list(range(1, 2 * len(pairs), 2))
    claims = pairs[pairs["family"] == "sycophancy"]["prompt"]
    assert claims.str.contains("I am sure that the answer is this").all()
