"""Losses over the pairs and rankings of a batch, each a weighted sum: r is a score, d a margin.

All take and return float tensors and are differentiable. A caller that wants a mean puts the
normalisation into the weights.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from rewardgate.errors import RewardGateError


def bradley_terry_loss(
    margins: Tensor, weights: Tensor, targets: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """Sum of w [-(1 - e) log sigmoid(d - t) - e log sigmoid(t - d)], a scalar.

    margins: (p,) d = r(x, y_chosen) - r(x, y_rejected) of each pair
    weights: (p,) w of each pair
    targets: (p,) t, the margin that a pair asks for beyond the plain loss; None is 0
    label_smoothing: e, the share of labels taken to be flipped, 0 to below 0.5

    Sources: Bradley and Terry 1952; as a reward-model loss InstructGPT (Ouyang et al. 2022),
    section 3.5, equation 1. There all pairs of one prompt are one batch element, each weighted
    1 / (number of pairs); `weights` says so for each pair. Targets: Llama 2 (Touvron et al. 2023),
    section 3.2.2, equation 2. Smoothing: "conservative" labels (Mitchell 2023, A note on DPO with
    noisy preferences), least where sigmoid(d - t) = 1 - e; not the unbiased loss of Chowdhury et
    al. 2024, which is unbounded below.
    """
    excess = margins if targets is None else margins - targets
    kept, flipped = -F.logsigmoid(excess), -F.logsigmoid(-excess)
    return (weights * ((1 - label_smoothing) * kept + label_smoothing * flipped)).sum()


def rao_kupper_loss(
    margins: Tensor, weights: Tensor, tied_margins: Tensor, tied_weights: Tensor, tie_width: float
) -> Tensor:
    """Negative log likelihood of wins and ties when a lead below a threshold passes for a tie.

    P(win) = sigmoid(d - h), P(loss) = sigmoid(-d - h), and the rest is
    P(tie) = sigmoid(d + h) - sigmoid(d - h) = (exp(2 h) - 1) sigmoid(d - h) sigmoid(-d - h),
    whose last form has no cancellation.

    margins, weights: (p,) of the pairs with a winner
    tied_margins, tied_weights: (t,) of the tied pairs, either response first
    tie_width: h >= 0 in BT logits, the log of the paper's theta; 0 is Bradley-Terry

    Source: Rao and Kupper 1967, Ties in paired-comparison experiments, JASA 62(317); as a
    reward-model loss Liu et al. 2024, Reward learning from preference with ties.
    Raises RewardGateError if the width is negative, or 0 although there are ties.
    """
    if not 0 <= tie_width < math.inf:
        raise RewardGateError(f"tie_width is {tie_width:g}; it must be 0 or more, and finite")
    wins = -(weights * F.logsigmoid(margins - tie_width)).sum()
    if not len(tied_margins):
        return wins
    if tie_width == 0:
        raise RewardGateError(
            "tie_width is 0, which rules the ties of the data out; set it above 0"
        )
    odds = 2 * tie_width + math.log(-math.expm1(-2 * tie_width))
    log_ties = (
        odds + F.logsigmoid(tied_margins - tie_width) + F.logsigmoid(-tied_margins - tie_width)
    )
    return wins - (tied_weights * log_ties).sum()


def davidson_loss(
    margins: Tensor,
    weights: Tensor,
    tied_margins: Tensor,
    tied_weights: Tensor,
    tie_propensity: float,
) -> Tensor:
    """Negative log likelihood of wins and ties when a tie has odds nu against the geometric mean.

    P(win) : P(tie) : P(loss) = exp(d / 2) : nu : exp(-d / 2)

    margins, weights: (p,) of the pairs with a winner
    tied_margins, tied_weights: (t,) of the tied pairs, either response first
    tie_propensity: nu > 0; equal responses tie with probability nu / (2 + nu)

    Source: Davidson 1970, On extending the Bradley-Terry model to accommodate ties in paired
    comparison experiments, JASA 65(329).
    Raises RewardGateError if the propensity is not above 0.
    """
    if not 0 < tie_propensity < math.inf:
        raise RewardGateError(
            f"tie_propensity is {tie_propensity:g}; it must be above 0, and finite"
        )
    log_nu = torch.as_tensor(math.log(tie_propensity), dtype=margins.dtype, device=margins.device)
    # Each loss is log(1 + odds against the outcome), from the log odds.
    against_win = torch.logaddexp(-margins, log_nu - margins / 2)
    against_tie = torch.logaddexp(tied_margins / 2, -tied_margins / 2) - log_nu
    wins, ties = -F.logsigmoid(-against_win), -F.logsigmoid(-against_tie)
    return (weights * wins).sum() + (tied_weights * ties).sum()


def plackett_luce_loss(scores: Tensor, ranks: Tensor, present: Tensor, weights: Tensor) -> Tensor:
    """Sum over rankings of w times the negative log likelihood of the whole order.

    A stage places one response i: it is picked among those ranked no better than it, R(i), with
    probability exp(r_i) / sum over j in R(i) of exp(r_j). Responses that tie have a stage each, all
    against the same R(i), which holds the tied group itself (Breslow's approximation). The last
    place has no stage: alone it is certain, and the order within a tied last group is unknown.

    scores: (r, k) of the responses of r rankings, padded to k responses
    ranks: (r, k) integers, 1 is best
    present: (r, k) False where there is no response; its score and rank are ignored
    weights: (r,) w of each ranking; 1 / `stages_of` weighs all rankings alike

    Sources: Plackett 1975, The analysis of permutations; as a reward-model loss Zhu et al. 2023,
    Principled RLHF from pairwise or K-wise comparisons. Ties: Breslow 1974, Covariance analysis of
    censored survival data (the likelihood is Cox's partial likelihood, a ranking being a stratum;
    Allison and Christakis 1994, Logit models for sets of ranked items).
    """
    ranking, item = _has_stage(ranks, present).nonzero(as_tuple=True)
    no_better = ranks[ranking] >= ranks[ranking, item].unsqueeze(1)
    rivals = scores[ranking].masked_fill(~(present[ranking] & no_better), -math.inf)
    losses = torch.logsumexp(rivals, dim=1) - scores[ranking, item]
    return (weights[ranking] * losses).sum()


def stages_of(ranks: Tensor, present: Tensor) -> Tensor:
    """Number of stages (r,) of each ranking in `plackett_luce_loss`: responses not in last place.

    It is k - 1 for k responses without ties, and 0 where all tie.
    """
    return _has_stage(ranks, present).sum(dim=1)


def _has_stage(ranks: Tensor, present: Tensor) -> Tensor:
    lowest = torch.iinfo(ranks.dtype).min
    last = ranks.masked_fill(~present, lowest).amax(dim=1, keepdim=True)
    return present & (ranks < last)


def centering_penalty(chosen_scores: Tensor, rejected_scores: Tensor, weights: Tensor) -> Tensor:
    """Sum of w (r_chosen + r_rejected)^2, a scalar; draws the mean score to 0.

    A preference says nothing of the level of the scores. The caller multiplies by a coefficient.

    chosen_scores, rejected_scores, weights: (p,) of each pair

    Source: Eisenstein et al. 2023, Helping or herding?, equation 2; TRL's RewardTrainer has it as
    `center_rewards_coefficient`, for which it recommends 0.01.
    """
    return (weights * (chosen_scores + rejected_scores).square()).sum()
