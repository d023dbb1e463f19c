import pytest

from rewardgate.simulate.aspects import aspects_of, brevity, utility


def test_utility_of_a_brief_right_answer_by_hand() -> None:
    aspects = aspects_of("correct_brief", "It is in Bergen.", politeness=0.5)
    # 3.5 correctness + 2.5 relevance + 0.8 completeness + 1.0 brevity + 0.25 politeness
    assert utility(aspects) == pytest.approx(8.05)


def test_utility_of_an_off_topic_answer_by_hand() -> None:
    text = " ".join(["word"] * 60)
    # 0.3 completeness + 0.5 politeness, no brevity left at 60 words
    assert utility(aspects_of("off_topic", text, politeness=1.0)) == pytest.approx(0.8)


@pytest.mark.parametrize(("words", "expected"), [(1, 1), (15, 1), (33, 0.6), (60, 0), (90, 0)])
def test_brevity_falls_from_15_to_60_words(words: int, expected: float) -> None:
    assert brevity(" ".join(["word"] * words)) == pytest.approx(expected)


def test_saying_nothing_is_not_praised_for_brevity() -> None:
    assert aspects_of("near_empty", "ok", 0.5)["brevity"] == 0
