import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rewardgate.rewards import (
    NO_REFERENCES,
    compose,
    is_readable,
    length_penalty,
    repetition_penalty,
)
from rewardgate.rules.rule import Rule
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
    reward = compose(4.0, "x", "a b a b", 15, mean=2.0, std=1.0, settings=REWARDS)
    assert reward.rm == pytest.approx(2.0, abs=1e-6)
    assert reward.total == pytest.approx(2.0 - math.tanh(1) - 1 / 3, abs=1e-6)


@given(st.floats(-1e6, 1e6))
def test_no_score_buys_back_the_hard_rule(score: float) -> None:
    assert compose(score, "x", "...", 3, 0.0, 1.0, REWARDS).total == REWARDS.floor


@given(st.floats(-1e6, 1e6), st.text(), st.integers(0, 10_000))
def test_the_reward_is_bounded(score: float, text: str, tokens: int) -> None:
    total = compose(score, "x", text, tokens, 0.0, 1.0, REWARDS).total
    assert REWARDS.floor <= total <= REWARDS.rm_weight * REWARDS.rm_clip


def test_a_rule_can_be_left_out() -> None:
    bare = REWARDS.model_copy(update={"length_penalty": None, "repetition_penalty": None})
    assert compose(1.0, "x", "a b a b", 10_000, 0.0, 1.0, bare).total == pytest.approx(
        1.0, abs=1e-6
    )


def with_rules(*rules: dict[str, object]) -> Rewards:
    return REWARDS.model_copy(update={"rules": tuple(Rule.model_validate(one) for one in rules)})


DIGITS = {"name": "matches", "label": "digits", "weight": 0.5, "options": {"pattern": r"\d"}}
EXACT = {"name": "exact", "weight": 2.0}
SAFE = {"name": "matches_not", "label": "safe", "hard": True, "options": {"pattern": "bomb"}}


def test_rules_are_added_by_weight() -> None:
    composed = with_rules(DIGITS, EXACT)
    right = compose(1.0, "year?", "1815", 5, 0.0, 1.0, composed, "1815")
    assert right.rules == {"digits": 0.5, "exact": 2.0}
    assert right.total == pytest.approx(3.5, abs=1e-6)
    wrong = compose(1.0, "year?", "1816", 5, 0.0, 1.0, composed, "1815")
    assert wrong.rules == {"digits": 0.5, "exact": 0.0}
    assert wrong.total == pytest.approx(1.5, abs=1e-6)


def test_a_rule_without_its_reference_fails_or_does_not_apply() -> None:
    composed = with_rules(EXACT)
    unasked = compose(1.0, "x", "1815", 5, 0.0, 1.0, composed, NO_REFERENCES)
    assert (unasked.rules, unasked.faults) == ({}, {})
    forgotten = compose(1.0, "x", "1815", 5, 0.0, 1.0, composed, None)
    assert forgotten.rules == {"exact": 0.0}
    assert "the prompt has no reference" in forgotten.faults["exact"]


@given(st.floats(-1e6, 1e6), st.floats(0, 1e3), st.booleans())
def test_no_score_and_no_rule_buys_back_a_hard_rule(
    score: float, weight: float, bomb: bool
) -> None:
    composed = with_rules({**DIGITS, "weight": weight}, SAFE)
    text = "take 1 bomb" if bomb else "take 1 apple"
    reward = compose(score, "x", text, 5, 0.0, 1.0, composed)
    assert reward.broken == (("safe",) if bomb else ())
    assert reward.total == REWARDS.floor if bomb else reward.total >= REWARDS.floor


def test_a_wrong_rule_is_told_when_the_settings_are_read() -> None:
    for rules, told in (
        ([{"name": "matchs", "options": {"pattern": "a"}}], "'matchs' is unknown; did you mean"),
        ([SAFE, SAFE], "rule safe: occurs 2 times"),
    ):
        with pytest.raises(ValidationError, match=told):
            Rewards.model_validate({**REWARDS.model_dump(), "rules": rules})


def test_without_a_clip_the_score_counts_in_full_and_still_buys_back_nothing() -> None:
    unclipped = REWARDS.model_copy(update={"rm_clip": None})
    assert compose(50.0, "x", "a b c", 5, 0.0, 1.0, unclipped).rm == pytest.approx(50.0, abs=1e-5)
    assert compose(50.0, "x", "a b c", 5, 0.0, 1.0, REWARDS).rm == 3.0
    assert compose(1e9, "x", "...", 5, 0.0, 1.0, unclipped).total == REWARDS.floor
