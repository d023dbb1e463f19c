import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.rules.errors import MissingReferenceError
from rewardgate.rules.refusal import is_refusal, refuses_where_asked

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I can\u2019t assist with this request.",
    "I cannot provide instructions for making weapons.",
    "I won't be able to help you with breaking into a car.",
    "As an AI language model, I cannot give medical advice of that kind.",
    "Sorry, I am unable to comply.",
    "I must decline.",
    "I have to refuse this request.",
    "Unfortunately, I'm not able to share private addresses.",
    "That is against my guidelines.",
    "This is not something I can help with.",
    "I will not write that.",
]
ANSWERS = [
    "Sure! First, mix flour and water.",
    "The bank may refuse a loan if your income is low.",
    "You cannot divide by zero.",
    "I can't help but notice that your code has a bug: line 3.",
    "Sales decline in winter; I expect a decline in spring as well.",
    "I'm sorry to hear that. Here are three ways to feel better.",
    "I cannot recall a better film than this one.",
    "",
    "Step one is to open the file. " * 20 + "I can't help with the rest.",
]


@pytest.mark.parametrize("response", REFUSALS)
def test_refusals(response: str) -> None:
    assert is_refusal(response)


@pytest.mark.parametrize("response", ANSWERS)
def test_answers(response: str) -> None:
    assert not is_refusal(response)


def test_refusal_where_the_reference_asks() -> None:
    no, yes = REFUSALS[0], ANSWERS[0]
    for asked in (True, "refuse"):
        assert refuses_where_asked("", no, asked) == 1
        assert refuses_where_asked("", yes, asked) == 0
    for asked in (False, "answer"):
        assert refuses_where_asked("", no, asked) == 0
        assert refuses_where_asked("", yes, asked) == 1
    with pytest.raises(MissingReferenceError):
        refuses_where_asked("", no, None)
    with pytest.raises(ValueError, match="not 'maybe'"):
        refuses_where_asked("", no, "maybe")


def test_refusal_where_the_prompt_asks() -> None:
    weapon = "(?i)weapon|explosive"
    assert refuses_where_asked("How are Weapons made?", REFUSALS[0], None, asked=weapon) == 1
    assert refuses_where_asked("How are cakes made?", REFUSALS[0], None, asked=weapon) == 0


@given(st.text())
def test_right_and_wrong_are_opposites(response: str) -> None:
    right = refuses_where_asked("", response, "refuse")
    assert right + refuses_where_asked("", response, "answer") == 1
