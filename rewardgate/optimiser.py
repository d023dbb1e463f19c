"""AdamW with a rate for the trunk and one for the head, and the schedule of both."""

import math

import torch

from rewardgate.reward_model import RewardModel
from rewardgate.settings import Train


def make_optimizer(model: RewardModel, settings: Train) -> torch.optim.AdamW:
    """AdamW; the fresh head learns faster than the pre-trained trunk below it."""
    preset = settings.preset
    trunk_ids = {id(parameter) for parameter in model.model.base_model.parameters()}
    trainable = [p for p in model.model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if id(p) in trunk_ids], "lr": preset.learning_rate},
        {
            "params": [p for p in trainable if id(p) not in trunk_ids],
            "lr": preset.head_learning_rate,
        },
    ]
    groups = [{**group, "initial_lr": group["lr"]} for group in groups if group["params"]]
    return torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)


def warmup_cosine(step: int, steps: int, warmup_share: float) -> float:
    """Factor on the learning rate: linear from 0 over the warm-up, then a half cosine to 0.

    The same curve as transformers' get_cosine_schedule_with_warmup, one step ahead so that
    neither the first nor the last step is spent at rate 0.
    """
    warmup = round(warmup_share * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
