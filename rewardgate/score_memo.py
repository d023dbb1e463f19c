"""Scores that are known already, so that no text is scored twice by one model."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rewardgate.errors import RewardGateError

Score = Callable[[Sequence[str], Sequence[str]], NDArray[np.float64]]
"""(prompts, responses) -> raw scores (n,)"""


class ScoreMemo:
    """A scoring function that asks another one only for texts that it has not met.

    What is known beforehand comes from a report of an earlier stage (`know`), which DVC tracks as
    an input, and not from a cache that outlives a run: the last bits of a score depend on the texts
    that share its forward pass, so scores kept from some other run would let the bytes of a report
    depend on what was run before.

    scored: how many texts were passed on so far
    """

    def __init__(self, score: Score) -> None:
        self._score = score
        self._known: dict[tuple[str, str], float] = {}
        self.scored = 0

    def know(self, frame: pd.DataFrame, text: str = "text", score: str = "score") -> None:
        """Take over scores of this same model: columns prompt and those named."""
        keys = zip(frame["prompt"], frame[text], strict=True)
        for key, value in zip(keys, frame[score].tolist(), strict=True):
            self._known.setdefault(key, value)

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> NDArray[np.float64]:
        """Raw scores (n,), each text scored once. Raises RewardGateError if one is not finite."""
        keys = list(zip(prompts, responses, strict=True))
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        if new:
            scores = self._score([prompt for prompt, _ in new], [text for _, text in new])
            if not np.isfinite(scores).all():
                text = new[int(np.argmin(np.isfinite(scores)))][1]
                raise RewardGateError(
                    f"models/candidate: the score of the response {text[:60]!r} is not finite; "
                    "train again, with a lower learning rate"
                )
            self._known.update(zip(new, scores.tolist(), strict=True))
            self.scored += len(new)
        return np.array([self._known[key] for key in keys], dtype=np.float64)
