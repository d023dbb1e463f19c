"""Tokenised rankings: each response once, all its comparisons beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from rewardgate.encoding import Encoded, Encoder
from rewardgate.pairs import pairs_of, ties_of

Positions = NDArray[np.int64]


class Item(Protocol):
    """What is never cut in training: texts that belong to one prompt, encoded.

    tokens: of all texts; size: how much it adds to a batch
    features: (texts, hidden) what a frozen trunk makes of the texts, once computed
    """

    @property
    def prompt_id(self) -> str: ...
    @property
    def encoded(self) -> list[Encoded]: ...
    @property
    def features(self) -> Tensor | None: ...
    @property
    def tokens(self) -> int: ...
    @property
    def size(self) -> int: ...


ItemT = TypeVar("ItemT", bound=Item)


@dataclass(frozen=True)
class Example:
    """One prompt: its k distinct responses encoded once, and comparisons as positions among them.

    encoded: k encodings; words: (k,) their lengths in words
    chosen, rejected, rank_distance: (p,) the decided comparisons
    strength: (p,) how much better the annotator said that the chosen response is, 0 where unknown;
        None is 0 throughout
    tied: (2, t) the two sides of each tie
    rankings: of each ranking the positions (n,) of its responses and their ranks (n,)
    weights: (p,) weight of each decided comparison in the loss; tied_weights: (t,)
    features: (k, hidden) what a frozen trunk makes of the responses, once computed
    """

    prompt_id: str
    encoded: list[Encoded]
    words: NDArray[np.int64]
    chosen: Positions
    rejected: Positions
    rank_distance: NDArray[np.int32]
    tied: NDArray[np.int64]
    rankings: list[tuple[Positions, NDArray[np.int32]]]
    weights: NDArray[np.float64]
    tied_weights: NDArray[np.float64]
    features: Tensor | None = None
    strength: NDArray[np.float64] | None = None

    @property
    def tokens(self) -> int:
        return sum(len(item.ids) for item in self.encoded)

    @property
    def size(self) -> int:
        return len(self.chosen)


def examples_of(responses: pd.DataFrame, encoder: Encoder) -> list[Example]:
    """Tokenise a canonical table, one example a prompt, in order of first appearance.

    A prompt ranked by several annotators is one example with the comparisons of all of them, and a
    response that they all ranked is encoded once. A prompt without a decided comparison is left
    out. Every comparison weighs 1. Without a column `strength` no strength is known.
    """
    responses = responses.reset_index(drop=True)
    prompts, texts = responses["prompt"].tolist(), responses["text"].tolist()
    rank = responses["rank"].to_numpy(np.int32)
    position = np.empty(len(responses), dtype=np.int64)
    encoded_of: dict[Any, list[Encoded]] = {}
    words_of: dict[Any, list[int]] = {}
    rows_of = responses.groupby("prompt_id", sort=False).indices
    for prompt_id, rows in rows_of.items():
        distinct: dict[tuple[str, str], int] = {}
        for row in rows:
            position[row] = distinct.setdefault((prompts[row], texts[row]), len(distinct))
        encoded_of[prompt_id] = [encoder.encode(*texts) for texts in distinct]
        words_of[prompt_id] = [len(text.split()) for _, text in distinct]
    pairs = pairs_of(responses)
    pair_rows = pairs.groupby("prompt_id").indices
    chosen, rejected = pairs["chosen"].to_numpy(), pairs["rejected"].to_numpy()
    distance = pairs["rank_distance"].to_numpy()
    unknown = np.full(len(responses), np.nan)
    strength = np.asarray(responses.get("strength", unknown), dtype=np.float64)
    lead = np.nan_to_num(strength[chosen] - strength[rejected])
    ties = np.stack(ties_of(responses))
    tie_rows = pd.Series(ties[0]).groupby(responses["prompt_id"].to_numpy()[ties[0]]).indices
    ranking = responses["ranking_id"].to_numpy()
    examples = []
    for prompt_id, rows in rows_of.items():
        if prompt_id not in pair_rows:
            continue
        at, tied = pair_rows[prompt_id], ties[:, tie_rows.get(prompt_id, [])]
        examples.append(
            Example(
                str(prompt_id),
                encoded_of[prompt_id],
                np.array(words_of[prompt_id], dtype=np.int64),
                position[chosen[at]],
                position[rejected[at]],
                distance[at],
                position[tied],
                [
                    (position[own], rank[own])
                    for own in (rows[ranking[rows] == name] for name in pd.unique(ranking[rows]))
                ],
                np.ones(len(at)),
                np.ones(tied.shape[1]),
                strength=lead[at],
            )
        )
    return examples


def batches_of(examples: Sequence[Item], batch_pairs: int, seed: list[int]) -> list[list[int]]:
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
        pairs += examples[index].size
    if len(batches) > 1 and pairs < batch_pairs / 2:
        batches[-2].extend(batches.pop())
    return batches


def shares_of(
    batch: Sequence[ItemT], processes: int, tokens: int
) -> list[list[tuple[list[ItemT], float]]]:
    """What each process does of a batch: runs of at most `tokens` tokens, with their weight.

    A prompt is never cut. Every process has the same number of runs, since all of them must meet
    after each: where one has fewer, a prompt that weighs 0 fills the place.
    """
    held = [0] * processes
    own: list[list[ItemT]] = [[] for _ in range(processes)]
    for example in sorted(batch, key=lambda e: -e.tokens) if processes > 1 else batch:
        process = int(np.argmin(held))
        own[process].append(example)
        held[process] += example.tokens
    shares = [[(run, 1.0) for run in _runs(examples, tokens)] for examples in own]
    most = max(len(share) for share in shares)
    return [share + [([batch[0]], 0.0)] * (most - len(share)) for share in shares]


def _runs(examples: Sequence[ItemT], tokens: int) -> list[list[ItemT]]:
    runs: list[list[ItemT]] = []
    held = 0
    for example in examples:
        if not runs or held + example.tokens > tokens:
            runs.append([])
            held = 0
        runs[-1].append(example)
        held += example.tokens
    return runs
