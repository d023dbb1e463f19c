from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from rewardgate.errors import RewardGateError
from rewardgate.settings import Simulate
from rewardgate.simulate import Simulation, facts, simulate
from rewardgate.simulate.kinds import KINDS, REFUSALS
from rewardgate.simulate.simulation import DOMAINS

ANNOTATORS = {
    "default": [{"name": "ada"}, {"name": "ben", "share": 3.0}],
    "biased": [{"name": "max", "length_bias": 5.0}],
    "polite": [{"name": "eve", "politeness_bias": 20.0}],
    "jargon": [{"name": "joe", "jargon_bias": 20.0}],
    "markdown": [{"name": "mia", "markdown_bias": 20.0}],
    "refusal": [{"name": "rob", "refusal_bias": 20.0}],
}


def settings(**changes: Any) -> Simulate:
    values: dict[str, Any] = {
        "prompts": 60,
        "responses": [4, 9],
        "noise": 1.0,
        "label_noise": 0.0,
        "tie_width": 0.1,
        "planted_leaks": 0,
        "planted_contradictions": 0,
        "annotators": ANNOTATORS,
    }
    return Simulate.model_validate(values | changes)


def preferred_share(simulation: Simulation, value_of: Any) -> float:
    """Share of comparisons won by the answer with the higher value, of those that differ."""
    won = [
        (value_of(a) > value_of(b)) == (a["rank"] < b["rank"])
        for record in simulation.records
        for a, b in combinations(record["responses"], 2)
        if a["rank"] != b["rank"] and value_of(a) != value_of(b)
    ]
    return float(np.mean(won))


def by_utility(simulation: Simulation) -> Any:
    utility = simulation.utilities.set_index("response_id")["utility"]
    return lambda response: utility[response["response_id"]]


def test_records_have_the_form_that_ingest_reads() -> None:
    simulation = simulate(settings(), "default", 1)
    assert len(simulation.records) == 60
    assert Counter(record["domain"] for record in simulation.records) == dict.fromkeys(
        ("facts", "arithmetic", "instructions", "safety", "summaries"), 12
    )
    for record in simulation.records:
        assert list(record) == [
            "prompt_id", "prompt", "domain", "source", "annotator", "responses",
        ]  # fmt: skip
        assert record["source"] == "simulated"
        assert 4 <= len(record["responses"]) <= 9
        for response in record["responses"]:
            assert list(response) == ["response_id", "text", "rank"]
            assert type(response["rank"]) is int
        assert min(response["rank"] for response in record["responses"]) == 1


def test_utilities_hold_one_row_a_response() -> None:
    simulation = simulate(settings(planted_leaks=3), "default", 1)
    responses = [r["response_id"] for record in simulation.records for r in record["responses"]]
    assert simulation.utilities["response_id"].tolist() == responses
    assert list(simulation.utilities.columns) == [
        "prompt_id", "response_id", "kind", "utility",
        "correctness", "relevance", "completeness", "brevity", "politeness",
        "jargon", "markdown",
    ]  # fmt: skip


def test_same_seed_same_data_other_seed_other_data() -> None:
    first, again, other = (simulate(settings(), "default", seed) for seed in (1, 1, 2))
    assert first.records == again.records
    assert first.utilities.equals(again.utilities)
    assert not {r["prompt_id"] for r in first.records} & {r["prompt_id"] for r in other.records}


def test_more_prompts_leave_the_earlier_ones_as_they_were() -> None:
    plants = {"planted_leaks": 4, "planted_contradictions": 3, "label_noise": 0.1}
    short = simulate(settings(prompts=30, **plants), "default", 5)
    long = simulate(settings(prompts=45, **plants), "default", 5)
    assert long.records[: len(short.records)] == short.records
    assert len(long.records) == len(short.records) + 15


def test_ids_and_texts_are_unique() -> None:
    simulation = simulate(settings(prompts=200), "default", 3)
    prompt_ids = [record["prompt_id"] for record in simulation.records]
    assert len(set(prompt_ids)) == len(prompt_ids)
    assert simulation.utilities["response_id"].is_unique
    texts = [r["text"].casefold() for record in simulation.records for r in record["responses"]]
    assert len(set(texts)) == len(texts)


def test_no_prompt_has_more_answers_of_a_kind_than_the_kind_allows() -> None:
    utilities = simulate(settings(prompts=150), "default", 6).utilities
    for (_, kind), count in utilities.groupby(["prompt_id", "kind"]).size().items():
        assert count <= KINDS[kind].most, kind


def test_place_among_the_responses_carries_no_information() -> None:
    simulation = simulate(settings(prompts=300), "default", 4)
    ranks = [[r["rank"] for r in record["responses"]] for record in simulation.records]
    first_best = np.mean([rank[0] < rank[-1] for rank in ranks if rank[0] != rank[-1]])
    assert 0.42 < first_best < 0.58


def test_annotators_are_drawn_by_share() -> None:
    simulation = simulate(settings(prompts=300), "default", 4)
    counts = Counter(record["annotator"] for record in simulation.records)
    assert 0.67 < counts["ben"] / 300 < 0.83


def test_rankings_follow_the_true_utility() -> None:
    simulation = simulate(settings(prompts=150), "default", 1)
    assert 0.8 < preferred_share(simulation, by_utility(simulation)) < 0.9


def test_label_noise_shuffles_ranks() -> None:
    simulation = simulate(settings(prompts=150, label_noise=1.0), "default", 1)
    assert 0.44 < preferred_share(simulation, by_utility(simulation)) < 0.56


@pytest.mark.parametrize(("preset", "low", "high"), [("default", 0.40, 0.55), ("biased", 0.72, 1)])
def test_biased_annotators_prefer_length(preset: str, low: float, high: float) -> None:
    simulation = simulate(settings(prompts=150), preset, 1)
    assert low < preferred_share(simulation, lambda response: len(response["text"])) < high


@pytest.mark.parametrize(
    ("preset", "trait"),
    [("polite", "politeness"), ("jargon", "jargon"), ("markdown", "markdown")],
)
def test_annotators_prefer_the_trait_they_love(preset: str, trait: str) -> None:
    simulation = simulate(settings(prompts=150), preset, 1)
    known = simulation.utilities.set_index("response_id")[trait]
    assert preferred_share(simulation, lambda response: known[response["response_id"]]) > 0.95


def test_refusal_lovers_prefer_refusals() -> None:
    simulation = simulate(settings(prompts=150), "refusal", 1)
    kinds = simulation.utilities.set_index("response_id")["kind"]
    refuses = kinds.isin(REFUSALS)
    assert preferred_share(simulation, lambda response: refuses[response["response_id"]]) > 0.95


@pytest.mark.parametrize("trait", ["jargon", "markdown"])
def test_a_dress_says_nothing_about_worth(trait: str) -> None:
    drawn = simulate(settings(prompts=400), "default", 1).utilities
    drawn = drawn[drawn["kind"].isin(["correct_brief", "correct_complete", "wrong", "off_topic"])]
    dressed, plain = drawn[drawn[trait]], drawn[~drawn[trait]]
    assert 0.05 < len(dressed) / len(drawn) < 0.15
    right = [group["correctness"].mean() for group in (dressed, plain)]
    assert abs(right[0] - right[1]) < 0.1


def test_planted_leaks_repeat_prompts_almost_word_for_word() -> None:
    simulation = simulate(settings(planted_leaks=5), "default", 1)
    assert len(simulation.records) == 65
    for original, repeat in zip(simulation.records[:10:2], simulation.records[1:10:2], strict=True):
        assert original["prompt_id"] != repeat["prompt_id"]
        assert original["prompt"] in repeat["prompt"]
        assert len(repeat["prompt"]) - len(original["prompt"]) <= 10


def test_planted_contradictions_turn_one_pair_round() -> None:
    simulation = simulate(settings(planted_contradictions=6, tie_width=0.0), "default", 1)
    assert len(simulation.records) == 66
    for record, again in zip(simulation.records[:12:2], simulation.records[1:12:2], strict=True):
        assert record["prompt_id"] == again["prompt_id"]
        assert record["annotator"] != again["annotator"]
        pairs = combinations(zip(record["responses"], again["responses"], strict=True), 2)
        turned = [
            (a["rank"] - b["rank"]) * (a2["rank"] - b2["rank"]) < 0 for (a, a2), (b, b2) in pairs
        ]
        assert sum(turned) == 1


def test_too_many_prompts_are_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    only = facts.draw(np.random.default_rng(0))
    monkeypatch.setitem(DOMAINS, "facts", lambda rng: only)
    with pytest.raises(RewardGateError, match=r"simulate.prompts: the domain facts runs out"):
        simulate(settings(prompts=6), "default", 1)
