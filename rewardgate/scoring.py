"""Scores for many responses, window by window; the processes of a launch share each window."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from accelerate.utils import gather_object
from numpy.typing import NDArray
from tqdm import tqdm

from rewardgate.encoding import Encoded
from rewardgate.processes import processes
from rewardgate.reward_model import RewardModel

WINDOW = 2048
"""Responses that a process scores at a time: enough to sort by length, few enough for memory."""

T = TypeVar("T")


def score(
    model: RewardModel,
    prompts: Sequence[str],
    responses: Sequence[str],
    label: str | None = "scoring",
) -> NDArray[np.float64]:
    """Raw rewards (n,) of n responses, each to the prompt at the same place.

    label: of the progress bar; None shows none
    Under `accelerate launch` every process calls this with the same texts, scores its share of
    them and returns all scores. Responses to one prompt are cheapest next to each other.
    """

    def read(encoded: Sequence[Encoded]) -> list[float]:
        return model.scores(encoded).cpu().double().tolist()

    windows = in_windows(model, prompts, responses, read, label)
    return np.concatenate([np.empty(0), *map(np.array, windows)])


def score_table(model: RewardModel, responses: pd.DataFrame, label: str) -> pd.DataFrame:
    """The canonical table with a column `score` added."""
    prompts, texts = responses["prompt"].tolist(), responses["text"].tolist()
    return responses.assign(score=score(model, prompts, texts, label))


def in_windows(
    model: RewardModel,
    prompts: Sequence[str],
    responses: Sequence[str],
    read: Callable[[Sequence[Encoded]], list[T]],
    label: str | None = None,
) -> Iterator[list[T]]:
    """What `read` gives for each of n encoded responses, a list a window; otherwise as `score`.

    read: one result for each of the encoded responses, without gradients
    """
    state = processes()
    window = WINDOW * state.num_processes
    hidden = label is None or not state.is_main_process
    with tqdm(total=len(prompts), desc=label, disable=True if hidden else None) as bar:
        for start in range(0, len(prompts), window):
            part = slice(start, start + window)
            texts = list(zip(prompts[part], responses[part], strict=True))
            yield _read_window(model, texts, read)
            bar.update(len(texts))


def in_shares(sizes: Sequence[int], work: Callable[[slice], list[T]]) -> list[T]:
    """What `work` gives for each of n places, in order; each process does its share of them.

    sizes: (n,) how much work a place is, the same in every process
    work: results for a slice of the places, one a place
    """
    state = processes()
    own = even_shares(sizes, state.num_processes)[state.process_index]
    return list(gather_object(work(own)))


def even_shares(sizes: Sequence[int], count: int) -> list[slice]:
    """Cut n places into `count` runs of neighbours, of about equal size."""
    targets = sum(sizes) * np.arange(1, count) / count
    cuts = np.searchsorted(np.cumsum(sizes), targets, side="right").tolist()
    return [slice(start, end) for start, end in pairwise([0, *cuts, len(sizes)])]


@torch.no_grad()
def _read_window(
    model: RewardModel,
    texts: Sequence[tuple[str, str]],
    read: Callable[[Sequence[Encoded]], list[T]],
) -> list[T]:
    def own(part: slice) -> list[T]:
        encoded = [model.encoder.encode(*text) for text in texts[part]]
        return read(encoded) if encoded else []

    return in_shares([len(prompt) + len(response) + 1 for prompt, response in texts], own)
