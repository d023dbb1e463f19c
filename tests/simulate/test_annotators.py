from collections import Counter

import numpy as np
import pytest
from scipy.stats import binomtest

from rewardgate.settings import Annotator
from rewardgate.simulate.annotators import draw_ranks, perceived

DRAWS = 4000


def sigmoid(logit: float) -> float:
    return 1 / (1 + np.exp(-logit))


def wins(utilities: list[float], noise: float, tie_width: float = 0.0) -> int:
    """How often the first of the answers is ranked strictly above the second."""
    rng = np.random.default_rng(1)
    ranks = (draw_ranks(rng, np.array(utilities), noise, tie_width) for _ in range(DRAWS))
    return sum(drawn[0] < drawn[1] for drawn in ranks)


@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("others", [[], [3.0, -1.0, 0.5]])
def test_pair_frequencies_are_bradley_terry_whatever_else_is_ranked(
    noise: float, others: list[float]
) -> None:
    expected = sigmoid((1.5 - 0.7) / noise)
    assert binomtest(wins([1.5, 0.7, *others], noise), DRAWS, expected).pvalue > 0.001


def test_ties_follow_rao_and_kupper() -> None:
    expected = sigmoid(1.0 - 0.4)
    assert binomtest(wins([1.0, 0.0], 1.0, tie_width=0.4), DRAWS, expected).pvalue > 0.001


def test_first_places_follow_luces_choice_rule() -> None:
    rng = np.random.default_rng(2)
    utilities = np.log([6.0, 3.0, 1.0])
    first = Counter(draw_ranks(rng, utilities, 1.0, 0.0).index(1) for _ in range(DRAWS))
    for index, share in enumerate([0.6, 0.3, 0.1]):
        assert binomtest(first[index], DRAWS, share).pvalue > 0.001


def test_ranks_skip_after_a_tie() -> None:
    rng = np.random.default_rng(3)
    assert draw_ranks(rng, np.array([5.0, 9.0, 5.0, 0.0]), 1e-9, 0.1) == [2, 1, 2, 4]


def test_perceived_utility_adds_the_biases() -> None:
    annotator = Annotator(name="x", length_bias=2.0, politeness_bias=0.5, markdown_bias=4.0)
    traits = {"politeness": np.array([1.0, 0.0]), "markdown": np.array([0.0, 1.0])}
    felt = perceived(np.array([1.0, 1.0]), np.array([10.0, 30.0]), traits, annotator)
    assert felt.tolist() == [1.0 - 2.0 + 0.5, 1.0 + 2.0 + 4.0]


def test_answers_of_one_length_have_no_length_bias() -> None:
    annotator = Annotator(name="x", length_bias=2.0)
    equal = np.array([7.0, 7.0])
    assert perceived(np.array([1.0, 2.0]), equal, {}, annotator).tolist() == [1.0, 2.0]
