import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import log_loss
from tables import responses_table

from rewardgate.metrics import (
    Scored,
    accuracy,
    bt_log_loss,
    correlations,
    expected_calibration_error,
    length_figures,
    margin_figures,
    prompt_weights,
    reliability,
    summary,
)

margins_of = st.lists(st.floats(-20, 20), min_size=1, max_size=60).map(np.array)


def scored(*scores: float) -> Scored:
    table = responses_table(
        [
            ("what is it ?", [("a b c", 1), ("a b", 2), ("a", 3)]),
            ("who ?", [("one", 1), ("one two three four", 2)]),
        ]
    )
    return Scored.of(table.assign(score=scores))


def test_margins_are_chosen_minus_rejected_within_each_ranking() -> None:
    pairs = scored(3.0, 1.0, 0.0, 5.0, 7.0).pairs
    assert sorted(pairs["margin"]) == [-2.0, 1.0, 2.0, 3.0]


def test_accuracy_counts_a_tie_as_one_half() -> None:
    assert accuracy(np.array([1.0, -1.0, 0.0, 2.0])) == 0.625


def test_log_loss_agrees_with_scikit_learn() -> None:
    margins = np.array([0.3, -2.0, 1.7])
    probabilities = 1 / (1 + np.exp(-margins))
    assert bt_log_loss(margins) == pytest.approx(log_loss([1, 1, 1], probabilities, labels=[0, 1]))


def test_calibration_error_by_hand() -> None:
    # P = 0.75 twice (one right, one wrong): gap 0.25; P = 0.9526 twice, both right: gap 0.0474
    margins = np.array([np.log(3), -np.log(3), 3.0, 3.0])
    diagram = reliability(margins, bins=5)
    assert [row["pairs"] for row in diagram] == [2, 2]
    assert expected_calibration_error(diagram) == pytest.approx(
        (0.25 + (1 - 0.952574)) / 2, abs=1e-5
    )


@given(margins_of)
def test_flipping_model_and_label_changes_no_confidence(margins: np.ndarray) -> None:
    ours, flipped = reliability(margins, 10), reliability(-margins, 10)
    assert [row["confidence"] for row in ours] == [row["confidence"] for row in flipped]
    for one, other in zip(ours, flipped, strict=True):
        assert one["accuracy"] + other["accuracy"] == pytest.approx(1)


def test_correlations_agree_with_scipy_and_are_none_for_constants() -> None:
    x, y = np.array([1.0, 2.0, 4.0, 3.0]), np.array([2.0, 1.0, 5.0, 9.0])
    figures = correlations(x, y)
    assert figures["pearson"] == pytest.approx(stats.pearsonr(x, y).statistic)
    assert figures["spearman"] == pytest.approx(stats.spearmanr(x, y).statistic)
    assert correlations(x, np.ones(4)) == {"pearson": None, "spearman": None}


def test_length_figures_by_hand() -> None:
    # score = number of words: longest wins 3 of 4 pairs, as do the scores; one adverse pair
    figures = length_figures(scored(3.0, 2.0, 1.0, 1.0, 4.0))
    assert figures["all"]["pearson"] == pytest.approx(1)
    assert figures["within_prompt"]["spearman"] == pytest.approx(1)
    assert figures["longest_wins_accuracy"] == 0.75
    assert (figures["adverse_accuracy"], figures["adverse_pairs"]) == (0.0, 1)


def test_correlation_given_the_rank_is_what_the_rank_does_not_explain() -> None:
    random = np.random.default_rng(0)
    rank = np.tile([1, 2, 3, 4], 200)
    words = np.maximum(1, 40 - 5 * rank + random.integers(-8, 9, 800))
    noise = random.normal(size=800)
    rankings = [(f"q{i}", [("w " * words[4 * i + k], k + 1) for k in range(4)]) for i in range(200)]
    table = responses_table(rankings)
    for score, expected in ((noise - rank, 0.0), (noise - rank + 0.2 * words, 0.6)):
        figures = length_figures(Scored.of(table.assign(score=score)))
        assert figures["within_prompt"]["pearson"] > 0.4
        assert figures["given_rank"]["pearson"] == pytest.approx(expected, abs=0.12)
        assert figures["given_rank"]["spearman"] == pytest.approx(expected, abs=0.15)
    # least squares on the rank, then the correlation of what is left
    score = noise - rank + 0.2 * words
    left = [
        series - np.polyval(np.polyfit(rank, series, 1), rank)
        for series in (
            part - part.reshape(200, 4).mean(axis=1).repeat(4) for part in (score, words)
        )
    ]
    assert figures["given_rank"]["pearson"] == pytest.approx(stats.pearsonr(*left).statistic)


def test_each_prompt_weighs_one() -> None:
    pairs = scored(1, 2, 3, 4, 5).pairs
    weights = prompt_weights(pairs["prompt_id"])
    assert sorted(weights) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1])


def test_accuracy_per_prompt_weighs_prompts_not_pairs() -> None:
    # the ranking of three is right on all 3 pairs, the other is wrong on its only one
    figures = summary(scored(3.0, 2.0, 1.0, 1.0, 2.0), temperature=1.0, score_std=1.0, bins=10)
    assert figures["accuracy"] == 0.75
    assert figures["accuracy_per_prompt"] == 0.5
    assert figures["domains"]["facts"]["pairs"] == 4


@given(margins_of, st.floats(0.001, 1000))
def test_bt_margin_is_blind_to_the_scale_of_the_head(margins: np.ndarray, scale: float) -> None:
    plain = margin_figures(margins, temperature=2.0, score_std=3.0)
    scaled = margin_figures(margins * scale, temperature=2.0 * scale, score_std=3.0 * scale)
    for key in ("mean_bt_logits", "median_bt_logits", "mean_standardised"):
        assert scaled[key] == pytest.approx(plain[key], rel=1e-5, abs=1e-9)
