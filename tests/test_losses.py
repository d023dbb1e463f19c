import pytest
import torch
from scipy.special import log_expit

from rewardgate.losses import bradley_terry_loss

ONE = torch.tensor([1.0])


def test_scores_2_and_half_give_probability_08176_and_loss_02014() -> None:
    margin = torch.tensor([2.0 - 0.5])
    assert torch.sigmoid(margin).item() == pytest.approx(0.8176, abs=5e-5)
    assert bradley_terry_loss(margin, ONE).item() == pytest.approx(0.2014, abs=5e-5)


def test_reversed_scores_give_loss_17014() -> None:
    assert bradley_terry_loss(torch.tensor([0.5 - 2.0]), ONE).item() == pytest.approx(
        1.7014, abs=5e-5
    )


def test_weighted_sum_agrees_with_scipy() -> None:
    margins = torch.linspace(-60, 60, 41, dtype=torch.float64)
    weights = torch.rand(41, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = -(weights.numpy() * log_expit(margins.numpy())).sum()
    assert bradley_terry_loss(margins, weights).item() == pytest.approx(expected, rel=1e-12)


def test_gradient_is_minus_the_probability_of_the_wrong_order() -> None:
    margin = torch.tensor([1.5], requires_grad=True)
    bradley_terry_loss(margin, ONE).backward()
    assert margin.grad is not None
    assert margin.grad.item() == pytest.approx(-(1 - 0.817574), abs=1e-5)
