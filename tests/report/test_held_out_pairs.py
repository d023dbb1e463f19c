"""Which held-out pairs the report holds."""

import numpy as np
import pandas as pd

from rewardgate.metrics import Scored
from rewardgate.report.browser import BUDGET, LONGEST, clipped, held_out_pairs


def scored(prompts: int, text: str = "words") -> Scored:
    rows = [
        {
            "prompt_id": f"p{prompt}", "ranking_id": f"r{prompt}", "domain": "facts",
            "prompt": f"Question {prompt}", "response_id": f"p{prompt}-{place}",
            "text": f"{text} {place}", "rank": place + 1, "score": [1.0, 0.0, 0.0][place],
        }
        for prompt in range(prompts)
        for place in range(3)
    ]  # fmt: skip
    return Scored.of(pd.DataFrame(rows).astype({"rank": "int32"}))


def test_every_prompt_comes_before_any_comes_twice() -> None:
    pairs = held_out_pairs(scored(10), temperature=0.5, most=15)
    assert len(pairs) == 15
    assert len({one["prompt_id"] for one in pairs[:10]}) == 10
    assert {one["outcome"] for one in held_out_pairs(scored(10), 0.5)} == {"right", "tied"}
    (right,) = {one["margin"] for one in pairs if one["outcome"] == "right"}
    assert right == 2.0
    assert all(one["chosen_rank"] < one["rejected_rank"] for one in pairs)


def test_the_choice_does_not_hang_on_the_order_of_the_rows() -> None:
    test = scored(20)
    shuffled = Scored.of(
        test.responses.drop(columns="words").sample(frac=1, random_state=np.random.RandomState(3))
    )
    assert held_out_pairs(shuffled, 1.0, most=25) == held_out_pairs(test, 1.0, most=25)


def test_long_texts_are_clipped_and_leave_room_for_fewer_pairs() -> None:
    assert clipped("a" * LONGEST) == "a" * LONGEST
    assert clipped("a" * (LONGEST + 1234)) == "a" * LONGEST + " [… 1,234 more characters]"
    pairs = held_out_pairs(scored(100, "ü" * 10_000), 1.0)
    size = sum(len(clipped(one[side]).encode()) for one in pairs for side in ("chosen", "rejected"))
    assert 0.9 * BUDGET < size <= BUDGET
