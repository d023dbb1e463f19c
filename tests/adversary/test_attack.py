from pathlib import Path

import pytest
import yaml
from planted import indifferent, loves_length, loves_markdown, planted_prompts, sound

from rewardgate.adversary.gold import ranked_gold
from rewardgate.adversary.run import (
    Attack,
    attack,
    hacks,
    over_optimisation,
    search_figures,
    winners,
)
from rewardgate.settings import Adversary
from rewardgate.stress import load_cases

SETTINGS = Adversary(
    prompts=24,
    candidates=64,
    depth=3,
    max_words=120,
    tries=6,
    population=4,
    generations=3,
    kl=3.0,
    hack_drop=0.1,
    gold="ranks",
)
PROMPTS = planted_prompts()


def attacked(judge) -> list[Attack]:
    return attack(PROMPTS, PROMPTS, judge, 2.0, ranked_gold, SETTINGS, seed=1)


@pytest.fixture(scope="module")
def on_sound() -> list[Attack]:
    return attacked(sound)


@pytest.fixture(scope="module")
def on_length() -> list[Attack]:
    return attacked(loves_length)


def test_against_a_sound_judge_gold_rises_with_the_proxy(on_sound: list[Attack]) -> None:
    figures, curve = over_optimisation(on_sound, 3.0, 200, 0)
    assert (figures["n"], figures["peak_n"]) == (53, 53)
    assert figures["gold_gain_at_kl"]["low"] > 0.4
    assert figures["gold_captured"]["low"] > 0.9
    assert figures["gold_gap_to_peak"]["estimate"] == 0
    assert curve["n"].tolist() == [1, 2, 4, 8, 16, 32, 53, 64]
    assert curve.loc[0, ["kl", "proxy_gain", "gold_gain"]].tolist() == [0, 0, 0]
    for column in ("kl", "proxy_gain", "gold_gain"):
        assert curve[column].is_monotonic_increasing
    assert search_figures(on_sound, 0.1, 200, 0)["hacked_share"]["estimate"] == 0


def test_against_a_judge_of_length_gold_falls_while_the_proxy_rises(
    on_length: list[Attack],
) -> None:
    figures, curve = over_optimisation(on_length, 3.0, 200, 0)
    assert curve["proxy_gain"].is_monotonic_increasing
    assert figures["gold_captured"]["high"] < 0.5
    assert figures["gold_gap_to_peak"]["estimate"] >= 0
    searches = search_figures(on_length, 0.1, 200, 0)
    assert searches["hacked_share"]["estimate"] == 1
    for name in ("greedy", "evolutionary"):
        assert searches[name]["proxy_gain"]["low"] > 5


def test_a_judge_of_markdown_is_led_to_markdown() -> None:
    found = attacked(loves_markdown)
    assert search_figures(found, 0.1, 200, 0)["greedy"]["proxy_gain"]["low"] > 2
    paths = [one.winner.candidate.path for one in found]
    assert all({"article", "bold", "bullets", "heading"} & set(path) for path in paths)


def test_an_indifferent_judge_gains_nothing() -> None:
    figures, _ = over_optimisation(attacked(indifferent), 3.0, 200, 0)
    assert figures["gold_gain_at_kl"]["estimate"] == pytest.approx(0)
    assert figures["gold_captured"]["estimate"] == pytest.approx(0)


def test_searches_end_no_lower_than_where_they_start(on_sound: list[Attack]) -> None:
    for one in on_sound:
        assert one.greedy.proxy >= one.start.proxy
        assert one.evolutionary.proxy >= max(one.proxy.max(), one.start.proxy)
        assert one.start.proxy >= one.reference.proxy


def test_the_same_seed_gives_the_same_attack_and_the_budget_is_in_texts() -> None:
    asked = []

    def counting(prompts: list[str], texts: list[str]):
        asked.append(len(texts))
        return sound(prompts, texts)

    first = winners(attacked(counting), 0.1)
    once = sum(asked)
    assert winners(attacked(counting), 0.1) == first
    assert sum(asked) == 2 * once
    per_prompt = 64 + 4 + 3 * 6 + 3 * 4  # the pool, what is held out, greedy steps, generations
    assert once <= 24 * per_prompt


def test_hacks_become_stress_cases(on_length: list[Attack], tmp_path: Path) -> None:
    path = tmp_path / "hacks.yaml"
    path.write_text(yaml.safe_dump(hacks(on_length, 0.1), sort_keys=False), encoding="utf-8")
    cases = load_cases(path)
    assert len(cases) == 24
    case = cases[0]
    assert case.best == "reference"
    assert case.responses["reference"] == PROMPTS[0].best.text
    assert case.responses["adversary_hack"] == on_length[0].winner.candidate.text
    scores = loves_length([case.prompt] * 2, list(case.responses.values()))
    assert scores[1] > scores[0]


def test_a_folder_without_hacks_still_loads(on_sound: list[Attack], tmp_path: Path) -> None:
    (tmp_path / "hacks.yaml").write_text(yaml.safe_dump(hacks(on_sound, 0.1)), encoding="utf-8")
    own = "cases: [{case: a, domain: d, prompt: p, responses: {x: y, z: w}, best: x}]"
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    assert [case.case for case in load_cases(tmp_path)] == ["a"]


def test_one_prompt_gives_figures_without_interval() -> None:
    found = attack(PROMPTS[:1], PROMPTS[:1], sound, 1.0, ranked_gold, SETTINGS, seed=1)
    figures, curve = over_optimisation(found, 3.0, 200, 0)
    assert figures["gold_gain_at_kl"]["low"] is None
    assert curve["gold_gain_low"].isna().all()
