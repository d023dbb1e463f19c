import pandas as pd
import pytest
from tables import responses_table

from rewardgate.probes.held_out import held_out_prompts, spread


def test_the_best_ranked_response_comes_first_and_is_worth_1() -> None:
    table = responses_table([("why ?", [("bad", 3), ("good", 1), ("middling", 2)])])
    (prompt,) = held_out_prompts(table)
    assert [(one.text, one.worth) for one in prompt.responses] == [
        ("good", 1.0),
        ("middling", 0.5),
        ("bad", 0.0),
    ]
    assert prompt.best.response_id == "p0-1"
    assert prompt.others("good") == ["middling", "bad"]


def test_worth_is_the_mean_over_rankings_of_the_prompt() -> None:
    first = responses_table([("why ?", [("a", 1), ("b", 2), ("c", 3)])])
    second = responses_table([("why ?", [("a", 2), ("b", 1)])]).assign(ranking_id="other")
    (prompt,) = held_out_prompts(pd.concat([first, second]))
    assert {one.text: one.worth for one in prompt.responses} == {"a": 0.5, "b": 0.75, "c": 0.0}


def test_all_are_best_where_all_tie() -> None:
    (prompt,) = held_out_prompts(responses_table([("why ?", [("a", 1), ("b", 1)])]))
    assert [one.worth for one in prompt.responses] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [0]), (3, [0, 3, 6]), (10, list(range(10))), (99, list(range(10)))]
)
def test_prompts_are_spread_evenly(count: int, expected: list[int]) -> None:
    assert spread(range(10), count) == expected
