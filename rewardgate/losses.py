"""The Bradley-Terry loss over the pairs of rankings."""

import torch.nn.functional as F
from torch import Tensor


def bradley_terry_loss(margins: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum of -log sigmoid(margin), a scalar.

    margins: (p,) r(x, y_chosen) - r(x, y_rejected) of each pair
    weights: (p,) weight of each pair

    Source: Bradley and Terry 1952; as a reward-model loss InstructGPT (Ouyang et al. 2022),
    section 3.5, equation 1. There all pairs of one prompt are one batch element, each weighted
    1 / (number of pairs); `weights` says so for each pair.
    """
    return -(weights * F.logsigmoid(margins)).sum()
