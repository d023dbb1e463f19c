import numpy as np
import pytest
from tables import responses_table

from benchmarks.baselines import fit_linear_judge, longest_wins, shortest_wins
from rewardgate.metrics import Scored, accuracy


def accuracy_of(scores: np.ndarray, table) -> float:
    return accuracy(Scored.of(table.assign(score=scores)).pairs["margin"].to_numpy())


def good_beats_bad(prompts: int, first: int = 0):
    """Rankings in which `good` wins, as the longer response every other time."""
    return responses_table(
        [
            (f"question {i} ?", [(f"good {i} " + "so " * (i % 4), 1), (f"bad {i} so so", 2)])
            for i in range(first, first + prompts)
        ]
    )


def test_length_judges_score_by_words() -> None:
    table = responses_table([("q", [("one two three", 1), ("four", 2), ("", 3)])])
    assert longest_wins(table).tolist() == [3, 1, 0]
    assert shortest_wins(table).tolist() == [-3, -1, 0]


@pytest.mark.parametrize("with_length", [False, True])
def test_linear_judge_learns_which_word_wins(with_length: bool) -> None:
    judge = fit_linear_judge(good_beats_bad(40), good_beats_bad(8, 40), with_length, "pair")
    held_out = good_beats_bad(20, 48)
    assert accuracy_of(longest_wins(held_out), held_out) < 0.6
    assert accuracy_of(judge.score(held_out), held_out) == 1


@pytest.mark.parametrize(("with_length", "expected"), [(True, 1.0), (False, 0.5)])
def test_length_is_all_there_is_to_go_by_where_words_are_new(
    with_length: bool, expected: float
) -> None:
    def longer_wins(word: str):
        return responses_table(
            [("q", [(f"{word} " * (2 + n % 5), 1), (f"{word} " * (1 + n % 5), 2)])
             for n in range(10)]
        )  # fmt: skip

    known, new = longer_wins("known"), longer_wins("new")
    judge = fit_linear_judge(known, known, with_length, "pair")
    assert accuracy_of(judge.score(new), new) == expected


def test_weighting_decides_between_one_long_ranking_and_many_short_ones() -> None:
    # 1 prompt of 20 pairs says that tea beats milk, 10 prompts of 1 pair say that milk beats tea
    long = [("tea", 1)] * 5 + [("milk", 2)] * 4
    short = [(f"q{i}", [("milk", 1), ("tea", 2)]) for i in range(10)]
    table = responses_table([("long", long), *short])
    cups = responses_table([("cups", [("tea", 1), ("milk", 2)])])
    by_pair = fit_linear_judge(table, table, False, "pair").score(cups)
    by_prompt = fit_linear_judge(table, table, False, "prompt").score(cups)
    assert by_pair[0] > by_pair[1]
    assert by_prompt[0] < by_prompt[1]
