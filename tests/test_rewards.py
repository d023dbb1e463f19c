import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.rewards import compose, is_readable, length_penalty, repetition_penalty
from rewardgate.settings import LengthPenalty, RepetitionPenalty, Rewards

REWARDS = Rewards(
    granularity="sequence",
    rationale="annotators ranked whole responses, not parts",
    rm_weight=1.0,
    rm_clip=3.0,
    floor=-5.0,
    length_penalty=LengthPenalty(min_tokens=2, max_tokens=10, width_tokens=5, weight=1.0),
    repetition_penalty=RepetitionPenalty(n=2, free_share=0.0, weight=1.0),
)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(2, 0.0), (10, 0.0), (15, math.tanh(1)), (0, math.tanh(2 / 5)), (10_000, 1.0)],
)
def test_length_penalty_by_hand(tokens: int, expected: float) -> None:
    assert length_penalty(tokens, 2, 10, 5) == pytest.approx(expected)


def test_repetition_penalty_by_hand() -> None:
    # bigrams of "a b a b": ab, ba, ab -> 1 of 3 repeats
    assert repetition_penalty("A b, a b", 2, 0.0) == pytest.approx(1 / 3)
    assert repetition_penalty("a b a b", 2, 0.2) == pytest.approx((1 / 3 - 0.2) / 0.8)
    assert repetition_penalty("a b c d", 2, 0.0) == 0
    assert repetition_penalty("a", 2, 0.0) == 0


@given(st.text(), st.integers(1, 4), st.floats(0, 1))
def test_repetition_penalty_stays_between_0_and_1(text: str, n: int, free: float) -> None:
    assert 0 <= repetition_penalty(text, n, free) <= 1


@pytest.mark.parametrize("text", ["", " \n\t", "...", "\x00\x01\x02a", "\ufffd\u200b" * 3])
def test_what_is_not_text_is_not_readable(text: str) -> None:
    assert not is_readable(text)


@pytest.mark.parametrize("text", ["4", "Yes.", "日本語です", "- a\n- b\tc"])
def test_short_and_foreign_text_is_readable(text: str) -> None:
    assert is_readable(text)


def test_the_parts_add_up() -> None:
    reward = compose(score=4.0, text="a b a b", tokens=15, mean=2.0, std=1.0, settings=REWARDS)
    assert reward.rm == pytest.approx(2.0, abs=1e-6)
    assert reward.total == pytest.approx(2.0 - math.tanh(1) - 1 / 3, abs=1e-6)


@given(st.floats(-1e6, 1e6))
def test_no_score_buys_back_the_hard_rule(score: float) -> None:
    assert compose(score, "...", 3, 0.0, 1.0, REWARDS).total == REWARDS.floor


@given(st.floats(-1e6, 1e6), st.text(), st.integers(0, 10_000))
def test_the_reward_is_bounded(score: float, text: str, tokens: int) -> None:
    total = compose(score, text, tokens, 0.0, 1.0, REWARDS).total
    assert REWARDS.floor <= total <= REWARDS.rm_weight * REWARDS.rm_clip


def test_a_rule_can_be_left_out() -> None:
    bare = REWARDS.model_copy(update={"length_penalty": None, "repetition_penalty": None})
    assert compose(1.0, "a b a b", 10_000, 0.0, 1.0, bare).total == pytest.approx(1.0, abs=1e-6)
