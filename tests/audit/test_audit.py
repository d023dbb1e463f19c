"""Planted annotators are named with the reason, sound ones are not, and silence is explained."""

import json

import numpy as np
import pytest
from judged import (
    BACKWARDS,
    FIRST_LISTED,
    LENGTH_LOVER,
    RANDOM,
    SETTINGS,
    SOUND,
    Order,
    canonical,
    drawn,
)

from rewardgate.audit import audit
from rewardgate.errors import RewardGateError

THREE = {"ada": SOUND, "ben": SOUND, "cleo": SOUND}
PLANTED = [
    (BACKWARDS, "below chance: perhaps rank 1 was taken for the worst"),
    (RANDOM, "no better than chance"),
    (LENGTH_LOVER, "prefers longer responses"),
    (FIRST_LISTED, "chooses the response that is listed first"),
]


@pytest.mark.parametrize("everyone", [False, True])
@pytest.mark.parametrize(("order", "reason"), PLANTED)
def test_a_planted_annotator_alone_is_named(order: Order, reason: str, everyone: bool) -> None:
    prompts = 120 if everyone else 400
    report = audit(drawn({**THREE, "max": order}, prompts, 1, everyone), SETTINGS, 200, 1)
    assert [one["annotator"] for one in report["anomalous"]] == ["max"]
    assert reason in "; ".join(report["anomalous"][0]["reasons"])
    assert report["worst_annotator"] == "max"
    assert report["figures"]["worst_agreement"] == report["annotators"]["max"]["agreement"]
    assert report["figures"]["anomalous_share"] == pytest.approx(0.25)
    by = "others" if everyone else "model"
    assert {one["agreement_by"] for one in report["annotators"].values()} == {by}


@pytest.mark.parametrize("everyone", [False, True])
def test_sound_annotators_are_left_in_peace(everyone: bool) -> None:
    named = [
        audit(drawn(THREE, 60 if everyone else 150, seed, everyone), SETTINGS, 100, 1)["anomalous"]
        for seed in range(5)
    ]
    assert named == [[]] * 5


def test_figures_of_sound_annotators() -> None:
    report = audit(drawn(THREE, 300, 1), SETTINGS, 200, 1)
    figures = report["figures"]
    assert figures["worst_agreement"]["low"] > 0.6
    assert figures["label_noise"]["low"] < 0.03
    assert figures["repeat_noise"] is None
    assert abs(figures["length_bias"]["estimate"]) < 0.2
    assert figures["first_listed"]["low"] < 0.5 < figures["first_listed"]["high"]
    assert figures["anomalous_share"] == figures["cycle_share"] == 0
    assert {name: one["share"] for name, one in report["annotators"].items()} == pytest.approx(
        dict.fromkeys(THREE, 1 / 3)
    )
    assert report["notes"] == []


def test_refusals_are_counted_where_no_domain_asks_for_them() -> None:
    answers = drawn({"ada": SOUND}, 40, 1)
    assert audit(answers, SETTINGS, 200, 1)["figures"]["refusal_chosen"] is None
    assert audit(answers, SETTINGS, 200, 1)["figures"]["refusal_chosen_at_least"] == 0.0
    best = answers["rank"] == 1
    answers.loc[best, "text"] = "I'm sorry, but I can't help with that."
    found = audit(answers, SETTINGS, 200, 1)["figures"]
    assert found["refusal_chosen"]["estimate"] == found["refusal_chosen_at_least"] == 1.0
    assert found["refusal_chosen"]["prompts"] == 40
    safety = audit(answers, SETTINGS, 200, 1, ["facts"])["figures"]
    assert safety["refusal_chosen"] is None
    one_prompt = answers[answers["prompt_id"] == "p0"]
    assert audit(one_prompt, SETTINGS, 200, 1)["figures"]["refusal_chosen_at_least"] == 0.0


def test_length_bias_is_the_mean_of_annotators_by_their_share() -> None:
    report = audit(drawn({"ada": SOUND, "max": LENGTH_LOVER}, 200, 1), SETTINGS, 100, 1)
    ada, max_ = (report["annotators"][name]["length_bias"] for name in ("ada", "max"))
    assert max_["low"] > 1
    assert report["figures"]["length_bias"]["estimate"] == pytest.approx(
        (ada["estimate"] + max_["estimate"]) / 2
    )


def test_overlap_gives_skill_and_noise_from_repeats() -> None:
    report = audit(drawn({**THREE, "max": BACKWARDS}, 150, 1, everyone=True), SETTINGS, 200, 1)
    skill = {name: one["skill"] for name, one in report["annotators"].items()}
    assert skill["max"] < 0.3
    assert min(skill[name] for name in THREE) > 0.7
    assert report["figures"]["repeat_noise"]["estimate"] > 0.2


def test_one_annotator_has_nothing_to_be_compared_with() -> None:
    report = audit(drawn({"ada": SOUND}, 100, 1), SETTINGS, 100, 1)
    assert report["notes"] == ["one annotator: nothing to compare with"]
    assert report["figures"]["worst_agreement"] is None
    assert report["worst_annotator"] is None
    assert report["annotators"]["ada"]["agreement"] is None
    assert report["figures"]["anomalous_share"] == 0
    assert report["consensus"]["agreement"]["low"] > 0.6


def test_data_without_an_annotator_field() -> None:
    report = audit(drawn({"unknown": SOUND}, 60, 1), SETTINGS, 100, 1)
    assert report["notes"][:2] == [
        "no record names its annotator: all count as one",
        "one annotator: nothing to compare with",
    ]


def test_two_annotators_who_disagree_are_both_suspect() -> None:
    report = audit(drawn({"ada": SOUND, "ben": BACKWARDS}, 200, 1), SETTINGS, 100, 1)
    assert (
        "two annotators: where they disagree, nothing here tells which is wrong"
        in (report["notes"])
    )
    assert report["figures"]["worst_agreement"]["high"] < 0.5
    assert [one["annotator"] for one in report["anomalous"]] == ["ada", "ben"]


def test_annotators_of_different_domains_are_not_compared() -> None:
    table = drawn({"ada": SOUND, "ben": BACKWARDS}, 120, 1)
    table["domain"] = np.where(table["annotator"] == "ada", "facts", "safety")
    report = audit(table, SETTINGS, 100, 1)
    assert report["anomalous"] == []
    assert report["figures"]["worst_agreement"] is None
    assert any(note.startswith("ada, ben: agreement not judged") for note in report["notes"])


def test_an_annotator_of_few_prompts_is_not_judged() -> None:
    table = drawn({**THREE, "new": BACKWARDS}, 60, 1)
    report = audit(table, SETTINGS, 100, 1)
    assert report["annotators"]["new"]["prompts"] == 15
    assert report["annotators"]["new"]["agreement"] is None
    assert "new" not in [one["annotator"] for one in report["anomalous"]]


def test_more_annotators_than_models() -> None:
    many = {f"a{number}": SOUND for number in range(11)}
    report = audit(drawn({**many, "max": BACKWARDS}, 360, 1), SETTINGS, 100, 1)
    assert [one["annotator"] for one in report["anomalous"]] == ["max"]


def test_labels_at_random_leave_noise_unknown() -> None:
    report = audit(drawn({"ada": RANDOM, "ben": RANDOM}, 100, 1), SETTINGS, 200, 1)
    assert report["figures"]["label_noise"] is None
    assert any(note.startswith("label noise:") for note in report["notes"])


def test_rankings_of_ties_only_are_an_error_with_the_mend() -> None:
    table = canonical([("p", "ada", "k", "x", 1), ("p", "ada", "k", "y", 1)])
    with pytest.raises(RewardGateError, match="ties only; give two ranks or more"):
        audit(table, SETTINGS, 100, 1)


def test_the_report_is_json_and_the_same_again() -> None:
    table = drawn({**THREE, "max": RANDOM}, 100, 1)
    first, again = (json.dumps(audit(table, SETTINGS, 100, 1), allow_nan=False) for _ in range(2))
    assert first == again
