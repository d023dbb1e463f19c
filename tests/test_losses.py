import math
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_expit
from sklearn.metrics import log_loss
from torch import Tensor
from torch.autograd import gradcheck

from rewardgate.errors import RewardGateError
from rewardgate.losses import (
    bradley_terry_loss,
    centering_penalty,
    davidson_loss,
    plackett_luce_loss,
    rao_kupper_loss,
    stages_of,
)

ONE = torch.tensor([1.0], dtype=torch.float64)
NONE = torch.tensor([], dtype=torch.float64)
EXTREME = torch.tensor([-80.0, 0.0, 80.0])
"""Single precision, as in training: a naive log(sigmoid(-80)) has no finite gradient there."""

margins_of = st.lists(st.floats(-30, 30), min_size=1, max_size=20).map(np.array)
margin_of = st.floats(-30, 30)
tie_width_of = st.floats(1e-6, 5)
tie_propensity_of = st.floats(1e-6, 50)


def double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def differentiable(*shape: int, seed: int = 0) -> Tensor:
    return random(*shape, seed=seed).requires_grad_()


def gradient(loss: Tensor, of: Tensor) -> Tensor:
    return torch.autograd.grad(loss, of)[0]


# Bradley-Terry


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
    weights = random(41).abs()
    expected = -(weights.numpy() * log_expit(margins.numpy())).sum()
    assert bradley_terry_loss(margins, weights).item() == pytest.approx(expected, rel=1e-12)


def test_gradient_is_minus_the_probability_of_the_wrong_order() -> None:
    margin = double(1.5).requires_grad_()
    slope = gradient(bradley_terry_loss(margin, ONE), margin)
    assert slope.item() == pytest.approx(-(1 - 0.817574), abs=1e-6)


def test_a_target_is_subtracted_from_the_margin() -> None:
    loss = bradley_terry_loss(double(2.5, -1.0), double(1.0, 2.0), targets=double(1.0, 0.5))
    assert loss.item() == pytest.approx(0.201413 + 2 * 1.701413, abs=1e-5)


@given(margins_of, st.floats(0, 0.49))
def test_smoothing_is_the_cross_entropy_of_labels_of_which_a_share_is_flipped(
    margins: np.ndarray, share: float
) -> None:
    mine = bradley_terry_loss(
        torch.from_numpy(margins),
        torch.full((len(margins),), 1 / len(margins)).double(),
        None,
        share,
    )
    both = np.concatenate([margins, margins])
    labels = np.repeat([1, 0], len(margins))
    weights = np.repeat([1 - share, share], len(margins))
    probabilities = np.column_stack([expit(-both), expit(both)])
    expected = log_loss(labels, probabilities, sample_weight=weights, labels=[0, 1])
    assert mine.item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_the_smoothed_loss_is_least_where_the_probability_is_one_minus_the_share() -> None:
    target = double(0.7)
    margin = (target + math.log(0.9 / 0.1)).requires_grad_()
    loss = bradley_terry_loss(margin, ONE, target, label_smoothing=0.1)
    assert gradient(loss, margin).item() == pytest.approx(0, abs=1e-12)


# Rao-Kupper and Davidson


def rao_kupper(margin: float, width: float) -> tuple[float, float, float]:
    """P(win), P(tie), P(loss) from the loss itself."""
    win = rao_kupper_loss(double(margin), ONE, NONE, NONE, width)
    tie = rao_kupper_loss(NONE, NONE, double(margin), ONE, width)
    loss = rao_kupper_loss(double(-margin), ONE, NONE, NONE, width)
    return math.exp(-win.item()), math.exp(-tie.item()), math.exp(-loss.item())


def davidson(margin: float, propensity: float) -> tuple[float, float, float]:
    win = davidson_loss(double(margin), ONE, NONE, NONE, propensity)
    tie = davidson_loss(NONE, NONE, double(margin), ONE, propensity)
    loss = davidson_loss(double(-margin), ONE, NONE, NONE, propensity)
    return math.exp(-win.item()), math.exp(-tie.item()), math.exp(-loss.item())


@given(margin_of, tie_width_of)
def test_rao_kupper_gives_the_published_probabilities(margin: float, width: float) -> None:
    first, second, theta = math.exp(margin), 1.0, math.exp(width)
    win, loss = first / (first + theta * second), second / (second + theta * first)
    product = (first + theta * second) * (theta * first + second)
    tie = math.expm1(2 * width) * first * second / product
    assert rao_kupper(margin, width) == pytest.approx((win, tie, loss), rel=1e-9)


@given(margin_of, tie_width_of)
def test_rao_kupper_probabilities_sum_to_1(margin: float, width: float) -> None:
    assert sum(rao_kupper(margin, width)) == pytest.approx(1, abs=1e-9)


def test_a_rao_kupper_tie_is_a_latent_lead_within_the_width() -> None:
    lead = 0.8 + np.random.default_rng(0).logistic(size=200_000)
    observed = ((lead > 0.5).mean(), (abs(lead) <= 0.5).mean(), (lead < -0.5).mean())
    assert rao_kupper(0.8, 0.5) == pytest.approx(observed, abs=0.005)


@given(margin_of, tie_propensity_of)
def test_davidson_gives_the_published_probabilities(margin: float, propensity: float) -> None:
    first, second = math.exp(margin), 1.0
    tie = propensity * math.sqrt(first * second)
    total = first + second + tie
    expected = (first / total, tie / total, second / total)
    assert davidson(margin, propensity) == pytest.approx(expected, rel=1e-9)


@given(margin_of, tie_propensity_of)
def test_davidson_probabilities_sum_to_1(margin: float, propensity: float) -> None:
    assert sum(davidson(margin, propensity)) == pytest.approx(1, abs=1e-9)


def test_hand_values_of_ties_between_equals() -> None:
    assert rao_kupper(0.0, math.log(2)) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert davidson(0.0, 2.0) == pytest.approx((1 / 4, 1 / 2, 1 / 4))


@given(margins_of)
def test_without_ties_both_go_over_into_bradley_terry(margins: np.ndarray) -> None:
    margin, weights = torch.from_numpy(margins), torch.ones(len(margins), dtype=torch.float64)
    expected = pytest.approx(bradley_terry_loss(margin, weights).item(), rel=1e-6, abs=1e-6)
    assert rao_kupper_loss(margin, weights, NONE, NONE, 0.0).item() == expected
    assert rao_kupper_loss(margin, weights, NONE, NONE, 1e-9).item() == expected
    assert davidson_loss(margin, weights, NONE, NONE, 1e-15).item() == expected


@pytest.mark.parametrize("loss", [rao_kupper_loss, davidson_loss])
def test_losses_with_ties_are_weighted_sums(loss) -> None:
    margins, ties = double(0.3, -2.0), double(1.1, -0.4, 0.0)
    weights, tied_weights = double(0.5, 2.0), double(1.0, 0.25, 3.0)
    wins = sum(
        w * loss(m.view(1), ONE, NONE, NONE, 0.6) for m, w in zip(margins, weights, strict=True)
    )
    tied = sum(
        w * loss(NONE, NONE, m.view(1), ONE, 0.6) for m, w in zip(ties, tied_weights, strict=True)
    )
    together = loss(margins, weights, ties, tied_weights, 0.6)
    assert together.item() == pytest.approx((wins + tied).item())


@pytest.mark.parametrize("loss", [rao_kupper_loss, davidson_loss])
def test_a_tie_draws_the_scores_together_whichever_comes_first(loss) -> None:
    ties = double(1.5, -1.5).requires_grad_()
    total = loss(NONE, NONE, ties, double(1.0, 1.0), 0.6)
    first, second = gradient(total, ties).tolist()
    assert first == pytest.approx(-second)
    assert first > 0.1


def test_a_tie_that_the_settings_rule_out_is_an_error_of_the_user() -> None:
    with pytest.raises(RewardGateError, match=r"tie_width is 0, .* above 0"):
        rao_kupper_loss(ONE, ONE, ONE, ONE, 0.0)
    with pytest.raises(RewardGateError, match=r"tie_width is -1; .* 0 or more"):
        rao_kupper_loss(ONE, ONE, NONE, NONE, -1.0)
    with pytest.raises(RewardGateError, match=r"tie_propensity is 0; .* above 0"):
        davidson_loss(ONE, ONE, NONE, NONE, 0.0)


# Plackett-Luce


def listwise(scores: Tensor, ranks: list[list[int]], present: list[list[bool]] | None = None):
    rank = torch.tensor(ranks)
    there = torch.ones_like(rank, dtype=torch.bool) if present is None else torch.tensor(present)
    weights = torch.ones(len(rank), dtype=scores.dtype)
    return plackett_luce_loss(scores, rank, there, weights)


def breslow(scores: list[float], ranks: list[int]) -> float:
    """The loss by its definition, one response after the other."""
    total = 0.0
    for score, rank in zip(scores, ranks, strict=True):
        if rank < max(ranks):
            pool = [s for s, other in zip(scores, ranks, strict=True) if other >= rank]
            total += math.log(sum(math.exp(s) for s in pool)) - score
    return total


def test_probabilities_of_all_orders_of_four_sum_to_1() -> None:
    scores = random(1, 4)
    losses = [listwise(scores, [list(order)]).item() for order in permutations([1, 2, 3, 4])]
    assert len(losses) == 24
    assert sum(math.exp(-loss) for loss in losses) == pytest.approx(1, abs=1e-12)


def test_the_probability_of_an_order_is_that_of_drawing_it_without_replacement() -> None:
    ranking = [2, 3, 1]
    odds = [1.0, 2.0, 5.0]
    by_hand = 5 / 8 * 1 / 3
    loss = listwise(double(*odds).log().unsqueeze(0), [ranking])
    assert math.exp(-loss.item()) == pytest.approx(by_hand)


@given(margins_of)
def test_two_responses_are_bradley_terry(margins: np.ndarray) -> None:
    margin = torch.from_numpy(margins)
    scores = torch.stack([torch.ones_like(margin), margin + 1], dim=1)
    pairs = bradley_terry_loss(margin, torch.ones_like(margin))
    assert listwise(scores, [[2, 1]] * len(margins)).item() == pytest.approx(pairs.item(), rel=1e-9)


rankings_of = st.lists(st.tuples(st.floats(-20, 20), st.integers(1, 5)), min_size=1, max_size=9)


@given(rankings_of)
def test_ties_follow_breslows_definition(ranking: list[tuple[float, int]]) -> None:
    scores, ranks = [s for s, _ in ranking], [r for _, r in ranking]
    loss = listwise(double(*scores).unsqueeze(0), [ranks])
    assert loss.item() == pytest.approx(breslow(scores, ranks), rel=1e-9, abs=1e-9)


def test_tied_winners_and_tied_losers_by_hand() -> None:
    scores = double(0.0, 0.0, 0.0, 0.0).unsqueeze(0)
    assert listwise(scores, [[1, 1, 3, 4]]).item() == pytest.approx(2 * math.log(4) + math.log(2))
    assert listwise(scores, [[1, 2, 3, 3]]).item() == pytest.approx(math.log(4) + math.log(3))
    assert listwise(scores, [[7, 7, 7, 7]]).item() == 0


@given(st.lists(rankings_of, min_size=1, max_size=6), st.integers(0, 3))
def test_padding_and_other_rankings_change_nothing(
    rankings: list[list[tuple[float, int]]], extra: int
) -> None:
    width = max(len(ranking) for ranking in rankings) + extra
    scores = torch.full((len(rankings), width), math.nan, dtype=torch.float64)
    ranks = torch.full((len(rankings), width), 9)
    present = torch.zeros(len(rankings), width, dtype=torch.bool)
    for row, ranking in enumerate(rankings):
        present[row, extra : extra + len(ranking)] = True
        scores[row, present[row]] = double(*(score for score, _ in ranking))
        ranks[row, present[row]] = torch.tensor([rank for _, rank in ranking])
    weights = torch.arange(1, len(rankings) + 1, dtype=torch.float64)
    scores.requires_grad_()
    loss = plackett_luce_loss(scores, ranks, present, weights)
    alone = [breslow([s for s, _ in ranking], [r for _, r in ranking]) for ranking in rankings]
    expected = sum(row * value for row, value in enumerate(alone, start=1))
    assert loss.item() == pytest.approx(expected, rel=1e-9, abs=1e-9)
    slopes = gradient(loss, scores)
    assert slopes[~present].eq(0).all()
    assert slopes.sum(dim=1).abs().max() < 1e-9 * (1 + loss.item()), "only differences count"


def test_stages_are_the_responses_above_the_last_place() -> None:
    ranks = torch.tensor([[1, 2, 3, 4], [1, 1, 3, 3], [2, 2, 2, 2], [1, 2, 9, 0], [1, 1, 1, 1]])
    present = torch.ones_like(ranks, dtype=torch.bool)
    present[3, 2:] = False
    present[4] = False
    assert stages_of(ranks, present).tolist() == [3, 2, 0, 1, 0]


# Centring


@given(margins_of)
def test_centering_is_trls_term(chosen: np.ndarray) -> None:
    rewards_chosen = torch.from_numpy(chosen)
    rewards_rejected = torch.from_numpy(chosen[::-1].copy()) - 1.5
    expected = torch.mean((rewards_chosen + rewards_rejected) ** 2)
    weights = torch.full((len(chosen),), 1 / len(chosen), dtype=torch.float64)
    mine = centering_penalty(rewards_chosen, rewards_rejected, weights)
    assert mine.item() == pytest.approx(expected.item(), rel=1e-9)


def test_centering_by_hand() -> None:
    assert centering_penalty(double(2.0, 1.0), double(1.0, -1.0), double(0.5, 7.0)).item() == 4.5


# All of them


def test_gradients_agree_with_finite_differences() -> None:
    margins, ties = differentiable(5), differentiable(3, seed=1)
    weights, tied_weights = random(5, seed=2).abs(), random(3, seed=3).abs()
    targets = random(5, seed=4)
    assert gradcheck(lambda m: bradley_terry_loss(m, weights, targets, 0.1), margins)
    assert gradcheck(
        lambda m, t: rao_kupper_loss(m, weights, t, tied_weights, 0.4), (margins, ties)
    )
    assert gradcheck(lambda m, t: davidson_loss(m, weights, t, tied_weights, 0.4), (margins, ties))
    assert gradcheck(lambda c, r: centering_penalty(c, r, weights), (margins, differentiable(5)))
    ranks = torch.tensor([[1, 2, 2, 4], [3, 3, 1, 1], [2, 1, 9, 9]])
    present = torch.tensor([[True] * 4, [True] * 4, [True, True, False, False]])
    assert gradcheck(
        lambda s: plackett_luce_loss(s, ranks, present, weights[:3]), differentiable(3, 4)
    )


@pytest.mark.parametrize(
    "loss",
    [
        lambda m: bradley_terry_loss(m, torch.ones(3), label_smoothing=0.1),
        lambda m: rao_kupper_loss(m, torch.ones(3), m, torch.ones(3), 1e-3),
        lambda m: rao_kupper_loss(m, torch.ones(3), m, torch.ones(3), 60.0),
        lambda m: davidson_loss(m, torch.ones(3), m, torch.ones(3), 1e-6),
        lambda m: davidson_loss(m, torch.ones(3), m, torch.ones(3), 1e6),
        lambda m: listwise(m.unsqueeze(0), [[1, 2, 3]]),
        lambda m: listwise(m.unsqueeze(0), [[1, 1, 3]]),
    ],
)
def test_extreme_margins_stay_finite_and_still_teach(loss) -> None:
    margins = EXTREME.clone().requires_grad_()
    value = loss(margins)
    slopes = gradient(value, margins)
    assert value.isfinite()
    assert value > 1
    assert slopes.isfinite().all()
    assert slopes[0] < -0.1 or slopes[2] > 0.1


def test_an_empty_batch_costs_nothing() -> None:
    assert bradley_terry_loss(NONE, NONE).item() == 0
    assert rao_kupper_loss(NONE, NONE, NONE, NONE, 0.5).item() == 0
    assert davidson_loss(NONE, NONE, NONE, NONE, 0.5).item() == 0
    assert centering_penalty(NONE, NONE, NONE).item() == 0
    assert listwise(differentiable(1, 2), [[1, 1]]).item() == 0
