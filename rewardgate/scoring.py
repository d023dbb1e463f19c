"""Scores for many responses: tokenised, sorted by length, in bounded batches."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from rewardgate.reward_model import RewardModel

WINDOW = 2048
"""Responses that are sorted by length together; bounds memory on long inputs."""


def score(
    model: RewardModel, prompts: Sequence[str], responses: Sequence[str], label: str = "scoring"
) -> NDArray[np.float64]:
    """Raw rewards (n,) of n responses, each to the prompt at the same place."""
    parts = []
    with torch.no_grad(), tqdm(total=len(prompts), desc=label, disable=None) as bar:
        for start in range(0, len(prompts), WINDOW):
            texts = zip(
                prompts[start : start + WINDOW], responses[start : start + WINDOW], strict=True
            )
            encoded = [model.encoder.encode(prompt, response) for prompt, response in texts]
            parts.append(model.scores(encoded).double().cpu().numpy())
            bar.update(len(encoded))
    return np.concatenate(parts) if parts else np.empty(0)


def score_table(model: RewardModel, responses: pd.DataFrame, label: str) -> pd.DataFrame:
    """The canonical table with a column `score` added."""
    prompts, texts = responses["prompt"].tolist(), responses["text"].tolist()
    return responses.assign(score=score(model, prompts, texts, label))
