"""The training loss of whole rankings, as params.yaml composes it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from rewardgate.examples import Example
from rewardgate.length_debias import balanced_weights, length_effect
from rewardgate.losses import (
    bradley_terry_loss,
    centering_penalty,
    davidson_loss,
    plackett_luce_loss,
    rao_kupper_loss,
    stages_of,
)
from rewardgate.settings import Loss

WEIGHTING = {
    "prompt": "each pair weighs 1 / (pairs of its prompt), so that every prompt has the same "
    "weight in the loss however many responses it has",
    "pair": "every pair weighs the same, so that a prompt with more responses weighs more",
}


def weighted(examples: Sequence[Example], settings: Loss) -> list[Example]:
    """Examples with the weight of each comparison set, as `weighting` and `length` say.

    Ties weigh as decided comparisons do where the loss uses them (rao_kupper, davidson).
    """
    uses_ties = settings.kind in ("rao_kupper", "davidson")
    result = []
    for example in examples:
        pairs, ties = len(example.chosen), example.tied.shape[1] if uses_ties else 0
        weight = 1 / (pairs + ties) if settings.weighting == "prompt" else 1.0
        result.append(
            replace(
                example,
                weights=np.full(pairs, weight),
                tied_weights=np.full(example.tied.shape[1], weight if uses_ties else 0.0),
            )
        )
    if settings.length != "balanced":
        return result
    weights = balanced_weights(
        np.concatenate([e.words[e.chosen] for e in result]),
        np.concatenate([e.words[e.rejected] for e in result]),
        np.concatenate([e.weights for e in result]),
    )
    cuts = np.cumsum([len(e.chosen) for e in result])[:-1]
    return [
        replace(example, weights=part)
        for example, part in zip(result, np.split(weights, cuts), strict=True)
    ]


def length_offset(examples: Sequence[Example], settings: Loss) -> float:
    """What a unit of log length is taken to be worth to the annotators, in BT logits.

    `length: regressed` takes the share `length_share` of the effect that length alone has on their
    comparisons; the model then learns what length does not explain.
    """
    if settings.length != "regressed":
        return 0.0
    effect = length_effect(
        np.concatenate([e.words[e.chosen] for e in examples]),
        np.concatenate([e.words[e.rejected] for e in examples]),
    )
    return settings.length_share * effect


@dataclass(frozen=True)
class Objective:
    """The loss of examples, whose weights are divided by `normaliser`, the weight of an average
    batch: a comparison then counts the same in whichever batch it falls.

    `length_offset` is what the annotators are taken to pay for a unit of log length. It is added to
    the scores in the loss and nowhere else.
    """

    settings: Loss
    normaliser: float
    length_offset: float = 0.0

    def __call__(self, scores: Tensor, examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
        """The loss, a scalar, and the margins (p,) of the decided comparisons, in order.

        scores: (n,) of the examples' responses, in order
        """
        s = self.settings
        offsets = np.cumsum([0, *(len(e.encoded) for e in examples)])[:-1]

        def on_scores(parts: list[np.ndarray]) -> Tensor:
            return torch.from_numpy(np.concatenate(parts, axis=-1)).to(scores.device)

        def rows_of(positions: list[np.ndarray]) -> Tensor:
            return on_scores([p + o for p, o in zip(positions, offsets, strict=True)])

        chosen = rows_of([e.chosen for e in examples])
        rejected = rows_of([e.rejected for e in examples])
        paid = scores
        if self.length_offset:
            words = on_scores([e.words for e in examples]).to(scores.dtype)
            paid = scores + self.length_offset * torch.log1p(words)
        margins = paid[chosen] - paid[rejected]
        weights = on_scores([e.weights for e in examples]).to(scores.dtype) / self.normaliser
        if s.kind == "plackett_luce":
            loss = self._listwise(paid, examples, offsets)
        elif s.kind == "bradley_terry":
            targets = None
            if s.margin_per_rank or s.margin_per_strength:
                asked = [
                    s.margin_per_rank * e.rank_distance
                    + (0.0 if e.strength is None else s.margin_per_strength * e.strength)
                    for e in examples
                ]
                targets = on_scores(asked).to(scores.dtype)
            loss = bradley_terry_loss(margins, weights, targets, s.label_smoothing)
        else:
            first, second = paid[rows_of([e.tied for e in examples])]
            tied_weights = on_scores([e.tied_weights for e in examples]).to(scores.dtype)
            ties = (first - second, tied_weights / self.normaliser)
            if s.kind == "rao_kupper":
                loss = rao_kupper_loss(margins, weights, *ties, s.tie_width)
            else:
                loss = davidson_loss(margins, weights, *ties, s.tie_propensity)
        if s.centering:
            loss = loss + s.centering * centering_penalty(scores[chosen], scores[rejected], weights)
        return loss, (scores[chosen] - scores[rejected]).detach()

    def weight(self, examples: Sequence[Example]) -> float:
        """Weight of examples in the loss, before it is divided by `normaliser`."""
        return total_weight(examples, self.settings)

    def _listwise(self, scores: Tensor, examples: Sequence[Example], offsets: np.ndarray) -> Tensor:
        """Plackett-Luce over rankings; a prompt weighs 1, or as many as it has choices to make.

        A ranking that ties throughout leaves no choice and counts for nothing.
        """
        decided = [[r for r in e.rankings if np.ptp(r[1])] for e in examples]
        rankings = [
            (positions + offset, rank, 1 / len(of_prompt))
            for of_prompt, offset in zip(decided, offsets, strict=True)
            for positions, rank in of_prompt
        ]
        longest = max(len(rank) for _, rank, _ in rankings)
        at = np.zeros((len(rankings), longest), dtype=np.int64)
        ranks = np.zeros((len(rankings), longest), dtype=np.int64)
        present = np.zeros((len(rankings), longest), dtype=bool)
        for row, (positions, rank, _) in enumerate(rankings):
            at[row, : len(rank)] = positions
            ranks[row, : len(rank)] = rank
            present[row, : len(rank)] = True
        to = scores.device
        tensors = [torch.from_numpy(array).to(to) for array in (at, ranks, present)]
        stages = stages_of(tensors[1], tensors[2]).to(scores.dtype)
        if self.settings.weighting == "prompt":
            share = torch.tensor([w for *_, w in rankings], dtype=scores.dtype, device=to)
            weights = share / stages
        else:
            weights = torch.ones_like(stages)
        return plackett_luce_loss(
            scores[tensors[0]], tensors[1], tensors[2], weights / self.normaliser
        )


def total_weight(examples: Sequence[Example], settings: Loss) -> float:
    """Weight of examples in the loss: prompts, comparisons or, listwise, choices."""
    if settings.kind == "plackett_luce" and settings.weighting == "pair":
        return float(
            sum(len(rank) - np.sum(rank == rank.max()) for e in examples for _, rank in e.rankings)
        )
    if settings.kind == "plackett_luce":
        return float(len(examples))
    return float(sum(e.weights.sum() + e.tied_weights.sum() for e in examples))
