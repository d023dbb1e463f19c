"""The composed loss against explicit loops over rankings, in plain Python."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from tables import responses_table
from torch import Tensor

from rewardgate.encoding import Encoded
from rewardgate.examples import Example, examples_of
from rewardgate.objective import Objective, length_offset, total_weight, weighted
from rewardgate.settings import Loss

Ranking = list[tuple[str, int]]
Prompts = list[list[Ranking]]

KINDS: dict[str, dict[str, Any]] = {
    "bradley_terry": {"kind": "bradley_terry"},
    "margin": {"kind": "bradley_terry", "margin_per_rank": 0.3},
    "smoothing": {"kind": "bradley_terry", "label_smoothing": 0.1},
    "margin, smoothing, centering": {
        "kind": "bradley_terry",
        "margin_per_rank": 0.2,
        "label_smoothing": 0.2,
        "centering": 0.05,
    },
    "rao_kupper": {"kind": "rao_kupper", "tie_width": 0.4},
    "davidson": {"kind": "davidson", "tie_propensity": 0.7, "centering": 0.01},
    "plackett_luce": {"kind": "plackett_luce"},
    "plackett_luce, centering": {"kind": "plackett_luce", "centering": 0.05},
}

every_kind = pytest.mark.parametrize("kind", KINDS)
every_weighting = pytest.mark.parametrize("weighting", ["prompt", "pair"])


class NoEncoder:
    """The loss sees scores, not tokens."""

    def encode(self, prompt: str, response: str) -> Encoded:
        return Encoded([0])


def random_prompts(seed: int, count: int = 6) -> Prompts:
    """Prompts with one to three rankings of some of their responses, with ties and gaps in rank."""
    random = np.random.default_rng(seed)
    prompts: Prompts = []
    while len(prompts) < count:
        texts = ["word " * int(random.integers(1, 9)) + str(i) for i in range(6)]
        rankings = [
            [
                (texts[i], int(random.choice([1, 2, 4])))
                for i in random.choice(6, random.integers(2, 6), replace=False)
            ]
            for _ in range(random.integers(1, 4))
        ]
        if any(pairs_in(ranking) for ranking in rankings):
            prompts.append(rankings)
    return prompts


def pairs_in(ranking: Ranking) -> list[tuple[str, str, int]]:
    return [
        (better, worse, low - high)
        for better, high in ranking
        for worse, low in ranking
        if high < low
    ]


def ties_in(ranking: Ranking) -> list[tuple[str, str]]:
    return [(a, b) for (a, high), (b, low) in combinations(ranking, 2) if high == low]


def examples_from(prompts: Prompts, settings: Loss) -> list[Example]:
    table = responses_table(
        [(f"x{i} ?", r) for i, rankings in enumerate(prompts) for r in rankings]
    )
    table["prompt_id"] = table["prompt"]
    return weighted(examples_of(table, NoEncoder()), settings)  # type: ignore[arg-type]


def scores_for(prompts: Prompts, seed: int = 0) -> tuple[Tensor, list[dict[str, float]]]:
    """Scores (n,) of the distinct responses, in order, and the same by prompt and text."""
    random = np.random.default_rng(seed)
    by_text: list[dict[str, float]] = []
    for rankings in prompts:
        texts = dict.fromkeys(text for ranking in rankings for text, _ in ranking)
        by_text.append({text: float(random.normal(scale=2)) for text in texts})
    return torch.tensor([r for of in by_text for r in of.values()], dtype=torch.float64), by_text


def loss_of_ranking(ranking: Ranking, r: dict[str, float], s: Loss) -> tuple[float, int]:
    """Sum of the losses of a ranking's comparisons, or choices, and how many they are."""

    def sigmoid(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    losses = []
    if s.kind == "plackett_luce":
        last = max(rank for _, rank in ranking)
        for text, rank in ranking:
            if rank < last:
                rivals = [math.exp(r[other]) for other, place in ranking if place >= rank]
                losses.append(-math.log(math.exp(r[text]) / sum(rivals)))
        return sum(losses), len(losses)
    for better, worse, distance in pairs_in(ranking):
        a, b = r[better], r[worse]
        if s.kind == "bradley_terry":
            p = sigmoid(a - b - s.margin_per_rank * distance)
            e = s.label_smoothing
            losses.append(-(1 - e) * math.log(p) - e * math.log(1 - p))
        elif s.kind == "rao_kupper":
            losses.append(-math.log(math.exp(a) / (math.exp(a) + math.exp(b + s.tie_width))))
        else:
            losses.append(-math.log(math.exp(a) / davidson_total(a, b, s)))
    if s.kind != "bradley_terry":
        for first, second in ties_in(ranking):
            a, b = r[first], r[second]
            if s.kind == "rao_kupper":
                p_tie = sigmoid(a - b + s.tie_width) - sigmoid(a - b - s.tie_width)
            else:
                p_tie = s.tie_propensity * math.exp((a + b) / 2) / davidson_total(a, b, s)
            losses.append(-math.log(p_tie))
    return sum(losses), len(losses)


def davidson_total(a: float, b: float, s: Loss) -> float:
    return math.exp(a) + math.exp(b) + s.tie_propensity * math.exp((a + b) / 2)


def by_hand(prompts: Prompts, by_text: list[dict[str, float]], s: Loss) -> float:
    total = 0.0
    for rankings, r in zip(prompts, by_text, strict=True):
        parts = [part for ranking in rankings if (part := loss_of_ranking(ranking, r, s))[1]]
        pairs = [pair for ranking in rankings for pair in pairs_in(ranking)]
        compared = sum(count for _, count in parts)
        if s.weighting == "pair":
            total += sum(loss for loss, _ in parts)
        elif s.kind == "plackett_luce":
            total += sum(loss / count for loss, count in parts) / len(parts)
        else:
            total += sum(loss for loss, _ in parts) / compared
        per_prompt = len(pairs) if s.kind == "plackett_luce" else compared
        for better, worse, _ in pairs:
            weight = 1 if s.weighting == "pair" else 1 / per_prompt
            total += s.centering * weight * (r[better] + r[worse]) ** 2
    return total


@every_kind
@every_weighting
@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_that_of_loops_over_rankings(kind: str, weighting: Any, seed: int) -> None:
    prompts = random_prompts(seed)
    settings = Loss(weighting=weighting, **KINDS[kind])
    scores, by_text = scores_for(prompts, seed)
    loss, margins = Objective(settings, 7.0)(scores, examples_from(prompts, settings))
    assert loss.item() == pytest.approx(by_hand(prompts, by_text, settings) / 7.0, rel=1e-9)
    expected = [
        r[better] - r[worse]
        for rankings, r in zip(prompts, by_text, strict=True)
        for ranking in rankings
        for better, worse, _ in pairs_in(ranking)
    ]
    assert sorted(margins.tolist()) == pytest.approx(sorted(expected), rel=1e-9)


@pytest.mark.parametrize(
    ("weighting", "expected"),
    [("prompt", 1.5 * math.log(2) + math.log(3) / 2), ("pair", 2 * math.log(2) + math.log(3))],
)
def test_listwise_weights_of_two_rankings_by_hand(weighting: Any, expected: float) -> None:
    # One ranking of two and one of three at equal scores: choices of log 2, and of log 3 and log 2.
    # A ranking that ties throughout has no choice and takes no weight from the others.
    prompts: Prompts = [
        [[("a", 1), ("b", 2)], [("a", 1), ("b", 1)]],
        [[("a", 2), ("b", 3), ("c", 1)]],
    ]
    settings = Loss(kind="plackett_luce", weighting=weighting)
    loss, _ = Objective(settings, 1.0)(torch.zeros(5), examples_from(prompts, settings))
    assert loss.item() == pytest.approx(expected, rel=1e-6)


@every_kind
@every_weighting
def test_the_runs_of_a_batch_sum_to_the_batch(kind: str, weighting: Any) -> None:
    prompts = random_prompts(4)
    settings = Loss(weighting=weighting, **KINDS[kind])
    examples, (scores, _) = examples_from(prompts, settings), scores_for(prompts)
    objective = Objective(settings, 3.0)
    whole, margins = objective(scores, examples)
    cut = sum(len(example.encoded) for example in examples[:2])
    parts = [objective(scores[:cut], examples[:2]), objective(scores[cut:], examples[2:])]
    assert sum(loss.item() for loss, _ in parts) == pytest.approx(whole.item(), rel=1e-12)
    assert torch.equal(torch.cat([of_part for _, of_part in parts]), margins)


@every_kind
@every_weighting
def test_the_length_offset_moves_the_scores_in_the_loss_alone(kind: str, weighting: Any) -> None:
    prompts = random_prompts(11)
    settings = Loss(weighting=weighting, **KINDS[kind])
    plain = settings.model_copy(update={"centering": 0.0})
    examples, (scores, _) = examples_from(prompts, settings), scores_for(prompts)
    words = torch.from_numpy(np.concatenate([e.words for e in examples])).double()
    paid = scores + 0.7 * torch.log1p(words)
    loss, margins = Objective(settings, 7.0, length_offset=0.7)(scores, examples)
    centering = (
        Objective(settings, 7.0)(scores, examples)[0] - Objective(plain, 7.0)(scores, examples)[0]
    )
    assert loss.item() == pytest.approx(
        (Objective(plain, 7.0)(paid, examples)[0] + centering).item(), rel=1e-9
    )
    assert torch.equal(margins, Objective(settings, 7.0)(scores, examples)[1])


def test_the_length_offset_is_a_share_of_the_effect_of_length_on_every_pair() -> None:
    # The longer response (3 words against 1, log ratio log 2) wins three times in four.
    prompts: Prompts = [
        [[("a b c", 1), ("d", 2)], [("a b c", 1), ("d", 2)], [("a b c", 2), ("d", 1)]],
        [[("e f g", 1), ("h", 2)]],
    ]
    regressed = Loss(length="regressed", length_share=0.5)
    offset = length_offset(examples_from(prompts, regressed), regressed)
    assert offset == pytest.approx(0.5 * math.log2(3), abs=1e-4)
    assert length_offset(examples_from(prompts, Loss()), Loss()) == 0


@every_kind
def test_weights_of_a_prompt_sum_to_1_or_are_1_for_each_comparison(kind: str) -> None:
    prompts = random_prompts(6)
    ties_count = KINDS[kind]["kind"] in ("rao_kupper", "davidson")
    for example in examples_from(prompts, Loss(**KINDS[kind])):
        assert example.weights.sum() + example.tied_weights.sum() == pytest.approx(1)
        assert len({*example.weights, *(example.tied_weights if ties_count else [])}) == 1
        assert ties_count or not example.tied_weights.any()
    for example in examples_from(prompts, Loss(weighting="pair", **KINDS[kind])):
        assert set(example.weights) == {1.0}
        assert set(example.tied_weights) <= {1.0 if ties_count else 0.0}


@every_weighting
@pytest.mark.parametrize("kind", ["bradley_terry", "rao_kupper"])
def test_balanced_weights_give_the_longer_and_the_shorter_chosen_half_each(
    kind: Any, weighting: Any
) -> None:
    prompts = [[[("long " * 9, 1), ("short", 2), ("short one", 3 - i % 2)]] for i in range(6)]
    prompts += [[[("short", 1), ("so much longer", 2)]]]
    before = examples_from(prompts, Loss(kind=kind, weighting=weighting))
    after = examples_from(prompts, Loss(kind=kind, weighting=weighting, length="balanced"))

    def weight(examples: list[Example], sign: int) -> float:
        return sum(
            float(e.weights[np.sign(e.words[e.chosen] - e.words[e.rejected]) == sign].sum())
            for e in examples
        )

    decided = sum(float(e.weights.sum()) for e in before)
    assert weight(before, 1) > 1.5 * weight(before, -1)
    assert weight(after, 1) == pytest.approx(decided / 2)
    assert weight(after, -1) == pytest.approx(decided / 2)
    for one, other in zip(before, after, strict=True):
        assert one.tied_weights.tolist() == other.tied_weights.tolist()


@pytest.mark.parametrize(
    ("kind", "length"),
    [
        *((kind, length) for kind in KINDS for length in ("none", "regressed")),
        *((kind, "balanced") for kind in KINDS if "plackett_luce" not in kind),
    ],
)
@every_weighting
def test_total_weight_counts_prompts_comparisons_or_choices(
    kind: str, weighting: Any, length: Any
) -> None:
    prompts = random_prompts(7)
    settings = Loss(weighting=weighting, length=length, **KINDS[kind])
    if weighting == "prompt":
        expected = len(prompts)
    else:
        flat = [dict.fromkeys((text for text, _ in r), 0.0) for p in prompts for r in p]
        rankings = [ranking for rankings in prompts for ranking in rankings]
        expected = sum(
            loss_of_ranking(ranking, r, settings)[1]
            for ranking, r in zip(rankings, flat, strict=True)
        )
    assert total_weight(examples_from(prompts, settings), settings) == pytest.approx(expected)


@every_kind
def test_gradients_stay_finite_at_extreme_and_at_equal_scores(kind: str) -> None:
    prompts = random_prompts(8)
    settings = Loss(**KINDS[kind])
    examples, (random, _) = examples_from(prompts, settings), scores_for(prompts)
    for scores in (random.sign() * 80, torch.zeros_like(random)):
        scores = scores.float().requires_grad_()
        loss, _ = Objective(settings, 1.0)(scores, examples)
        (gradient,) = torch.autograd.grad(loss, scores)
        assert loss.isfinite()
        assert gradient.isfinite().all()
        assert gradient.abs().max() > 0.01


@every_kind
@every_weighting
def test_a_few_steps_down_the_gradient_lower_the_loss(kind: str, weighting: Any) -> None:
    prompts = random_prompts(9)
    settings = Loss(weighting=weighting, **KINDS[kind])
    examples, (random, _) = examples_from(prompts, settings), scores_for(prompts)
    objective = Objective(settings, 1.0)
    scores = random.clone().requires_grad_()
    losses = []
    for _ in range(20):
        loss, _ = objective(scores, examples)
        losses.append(loss.item())
        (gradient,) = torch.autograd.grad(loss, scores)
        scores = (scores - 0.2 * gradient).detach().requires_grad_()
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.9 * losses[0]
