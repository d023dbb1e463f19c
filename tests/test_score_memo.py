import numpy as np
import pandas as pd
import pytest

from rewardgate.errors import RewardGateError
from rewardgate.score_memo import ScoreMemo


def test_no_text_is_scored_twice() -> None:
    asked: list[tuple[str, str]] = []

    def score(prompts: list[str], texts: list[str]) -> np.ndarray:
        asked.extend(zip(prompts, texts, strict=True))
        return np.array([float(len(prompt + text)) for prompt, text in asked[-len(texts) :]])

    memo = ScoreMemo(score)
    memo.know(pd.DataFrame({"prompt": ["p"], "text": ["known"], "score": [7.0]}))
    assert memo(["p", "p", "q", "p"], ["a", "known", "a", "a"]).tolist() == [2, 7, 2, 2]
    assert memo(["q", "p"], ["a", "bc"]).tolist() == [2, 3]
    assert asked == [("p", "a"), ("q", "a"), ("p", "bc")]
    assert memo.scored == 3
    assert memo([], []).shape == (0,)


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_a_score_that_is_not_finite_is_named(value: float) -> None:
    memo = ScoreMemo(lambda prompts, texts: np.array([0.0, value]))
    with pytest.raises(RewardGateError, match="score of the response 'b' is not finite"):
        memo(["p", "p"], ["a", "b"])
