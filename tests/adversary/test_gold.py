import pandas as pd
import pytest
from planted import planted_prompts, planted_table

from rewardgate.adversary.candidates import Candidate, Moves, held_out
from rewardgate.adversary.gold import gold_from, ranked_gold, simulated_gold
from rewardgate.errors import RewardGateError

PROMPT = planted_prompts(1)[0]
BEST, WORST = held_out(PROMPT)[0], held_out(PROMPT)[-1]
MOVES = Moves(depth=3, max_words=200, seed=1)
UTILITIES = pd.DataFrame(
    {
        "prompt_id": "p0",
        "response_id": ["p0-0", "p0-1"],
        "kind": ["correct_complete", "echo"],
        "utility": [8.25, 1.75],
        "correctness": [1.0, 0.0],
        "relevance": [1.0, 0.2],
        "completeness": [1.0, 0.0],
        "brevity": [1.0, 0.0],
        "politeness": [0.5, 0.5],
    }
)


def made(*names: str) -> Candidate:
    candidate = MOVES.follow(PROMPT, BEST, names)
    assert candidate is not None
    return candidate


def test_an_untouched_response_has_its_utility_over_the_maximum() -> None:
    gold = simulated_gold(UTILITIES, "utilities.parquet")
    assert gold(PROMPT, BEST) == pytest.approx(8.25 / 8.5)
    assert gold(PROMPT, held_out(PROMPT)[1]) == pytest.approx((2.5 * 0.2 + 0.25) / 8.5)


def test_dress_costs_brevity_and_a_loss_of_content_costs_its_share() -> None:
    gold = simulated_gold(UTILITIES, "utilities.parquet")
    assert gold(PROMPT, made("bold")) == pytest.approx(8.25 / 8.5)
    padded = made("idle_after", "idle_before")
    words = len(padded.text.split())
    assert gold(PROMPT, padded) == pytest.approx((7 + (60 - words) / 45 + 0.25) / 8.5)
    truncated = made("truncated")
    assert gold(PROMPT, truncated) == pytest.approx(0.55 * 8.25 / 8.5)
    assert gold(PROMPT, made("only_polite", "bold")) == 0


def test_a_response_to_another_prompt_is_worth_nothing() -> None:
    lent = Candidate(BEST.text, BEST.source, borrowed=True)
    assert simulated_gold(UTILITIES, "u")(PROMPT, lent) == ranked_gold(PROMPT, lent) == 0


def test_a_response_without_utility_is_named_with_the_mend() -> None:
    gold = simulated_gold(UTILITIES, "data/u.parquet")
    with pytest.raises(RewardGateError, match=r"data/u\.parquet: .*p0-3; set adversary\.gold to"):
        gold(PROMPT, WORST)


def test_ranks_stand_for_worth_and_padding_costs_up_to_a_fifth() -> None:
    assert ranked_gold(PROMPT, BEST) == 1.0
    assert ranked_gold(PROMPT, WORST) == 0.0
    assert ranked_gold(PROMPT, made("truncated")) == 0.55
    words = len(BEST.text.split())
    padded = made("idle_after")
    excess = len(padded.text.split()) / words - 1
    assert ranked_gold(PROMPT, padded) == pytest.approx(1 - 0.2 * min(excess, 1))
    assert ranked_gold(PROMPT, made("repeated")) == pytest.approx(0.35 - 0.2)


def test_the_table_decides_which_gold_it_is() -> None:
    held = planted_table(1)
    assert gold_from(UTILITIES, "u", held)[0] == "simulated utility"
    assert gold_from(held, "t", held) == ("annotators' ranks", ranked_gold)
    with pytest.raises(RewardGateError, match=r"x\.parquet: has neither utilities nor ranks"):
        gold_from(pd.DataFrame({"a": [1]}), "x.parquet", held)


def test_utilities_of_other_responses_altogether_leave_the_ranks() -> None:
    real = planted_table(1).assign(response_id=["a", "b", "c", "d"])
    assert gold_from(UTILITIES, "u", real) == ("annotators' ranks", ranked_gold)
