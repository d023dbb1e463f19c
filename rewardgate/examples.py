"""Tokenised rankings: each response once, all its comparisons beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rewardgate.encoding import Encoded, Encoder
from rewardgate.pairs import pairs_of


@dataclass(frozen=True)
class Example:
    """One prompt: its k responses encoded once, and p comparisons as positions among them.

    encoded: k encodings
    chosen, rejected: (p,) positions in `encoded`
    """

    prompt_id: str
    encoded: list[Encoded]
    chosen: NDArray[np.int64]
    rejected: NDArray[np.int64]

    @property
    def tokens(self) -> int:
        return sum(len(item.ids) for item in self.encoded)


def examples_of(responses: pd.DataFrame, encoder: Encoder) -> list[Example]:
    """Tokenise a canonical table, one example a prompt, in order of first appearance.

    A prompt ranked by several annotators is one example with the comparisons of all of them.
    """
    prompt_code, prompt_ids = pd.factorize(responses["prompt_id"])
    rows_of = pd.Series(np.arange(len(responses))).groupby(prompt_code).indices
    position = np.empty(len(responses), dtype=np.int64)
    for rows in rows_of.values():
        position[rows] = np.arange(len(rows))
    pairs = pairs_of(responses)
    chosen, rejected = pairs["chosen"].to_numpy(), pairs["rejected"].to_numpy()
    pairs_in = pd.Series(np.arange(len(pairs))).groupby(prompt_code[chosen]).indices
    prompts, texts = responses["prompt"].tolist(), responses["text"].tolist()
    return [
        Example(
            str(prompt_id),
            [encoder.encode(prompts[row], texts[row]) for row in rows_of[code]],
            position[chosen[pairs_in[code]]],
            position[rejected[pairs_in[code]]],
        )
        for code, prompt_id in enumerate(prompt_ids)
        if code in pairs_in
    ]


def batches_of(examples: Sequence[Example], batch_pairs: int, seed: list[int]) -> list[list[int]]:
    """Shuffle whole prompts and cut them into batches of at least `batch_pairs` comparisons.

    A prompt is never cut. The last batch takes what is left, or joins the one before it if it
    holds less than half of `batch_pairs`.
    """
    batches: list[list[int]] = [[]]
    pairs = 0
    for index in np.random.default_rng(seed).permutation(len(examples)):
        if pairs >= batch_pairs:
            batches.append([])
            pairs = 0
        batches[-1].append(int(index))
        pairs += len(examples[index].chosen)
    if len(batches) > 1 and pairs < batch_pairs / 2:
        batches[-2].extend(batches.pop())
    return batches
