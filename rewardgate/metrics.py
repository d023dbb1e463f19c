"""Figures of a scored set of rankings: accuracy, margins, calibration error, length correlation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import expit, log_expit

from rewardgate.pairs import pairs_of

Floats = NDArray[np.float64]

EPSILON = 1e-8
"""Added to a standard deviation, so that a constant model is judged and not divided by zero."""


@dataclass(frozen=True)
class Scored:
    """Responses with their scores, and the comparisons between them.

    responses: canonical table with a column `score`, one row a response
    pairs: comparisons, with a column `margin` = score of chosen - score of rejected
    """

    responses: pd.DataFrame
    pairs: pd.DataFrame

    @classmethod
    def of(cls, responses: pd.DataFrame) -> "Scored":
        """Attach the comparisons to a table of responses that has a column `score`."""
        responses = responses.reset_index(drop=True)
        score = responses["score"].to_numpy(dtype=float)
        pairs = pairs_of(responses)
        chosen, rejected = pairs["chosen"].to_numpy(), pairs["rejected"].to_numpy()
        words = np.array([len(text.split()) for text in responses["text"]])
        return cls(
            responses.assign(words=words),
            pairs.assign(
                margin=score[chosen] - score[rejected],
                longer=np.sign(words[chosen] - words[rejected]),
            ),
        )


def correct(margins: ArrayLike) -> Floats:
    """1 for a pair ranked as the annotator did, 0.5 for a tie of scores, 0 otherwise: (p,)."""
    margins = np.asarray(margins, dtype=float)
    return (margins > 0) + 0.5 * (margins == 0)


def accuracy(margins: ArrayLike) -> float:
    """Share of pairs whose chosen response scores higher; a tie of scores counts one half."""
    return float(np.mean(correct(margins)))


def bt_log_loss(margins: Floats) -> float:
    """Mean of -log sigmoid(margin) over pairs (p,)."""
    return float(-log_expit(margins).mean())


def prompt_weights(prompt_ids: pd.Series) -> Floats:
    """Weight of each pair, 1 / (pairs of its prompt), so that each prompt weighs 1 in all.

    InstructGPT (Ouyang et al. 2022), section 3.5, weights a prompt's comparisons the same way.
    """
    return (1.0 / prompt_ids.groupby(prompt_ids).transform("size")).to_numpy(dtype=float)


def reliability(margins: Floats, bins: int) -> list[dict[str, float]]:
    """Bins of the reliability diagram of P = sigmoid(margin).

    Each pair enters once, as the probability of the response that the model prefers (0.5 to 1)
    against whether the annotator preferred it too; the orientation of a pair plays no part.
    """
    confidence = expit(np.abs(margins))
    hits = correct(margins)
    bin_of = np.minimum(((confidence - 0.5) * 2 * bins).astype(int), bins - 1)
    return [
        {
            "confidence": float(confidence[inside].mean()),
            "accuracy": float(hits[inside].mean()),
            "pairs": int(inside.sum()),
        }
        for inside in (bin_of == index for index in range(bins))
        if inside.any()
    ]


def expected_calibration_error(diagram: Sequence[dict[str, float]]) -> float:
    """Mean gap of accuracy and confidence, weighted by pairs (Guo et al. 2017, equation 3)."""
    total = sum(row["pairs"] for row in diagram)
    gaps = (abs(row["accuracy"] - row["confidence"]) * row["pairs"] for row in diagram)
    return sum(gaps) / total


def correlations(x: ArrayLike, y: ArrayLike) -> dict[str, float | None]:
    """Pearson and Spearman correlation of two series (n,); None where a series is constant."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return {"pearson": None, "spearman": None}
    return {
        "pearson": float(stats.pearsonr(x, y).statistic),
        "spearman": float(stats.spearmanr(x, y).statistic),
    }


def length_figures(scored: Scored) -> dict[str, Any]:
    """How far the reward follows length (in words).

    `within_prompt` subtracts each prompt's mean from both series (ranks for Spearman);
    `given_rank` is the partial correlation that is left once the annotator's rank is known: the
    part of the length that the ranking does not ask for. The length-adverse pairs are those whose
    chosen response is the shorter.
    """
    frame, pairs = scored.responses, scored.pairs
    score, words = frame["score"].astype(float), frame["words"].astype(float)
    prompt, ranking, rank = frame["prompt_id"], frame["ranking_id"], frame["rank"].astype(float)
    score_ranks, word_ranks = score.groupby(prompt).rank(), words.groupby(prompt).rank()
    adverse = pairs["margin"][pairs["longer"] < 0].to_numpy()
    return {
        "all": correlations(score, words),
        "within_prompt": {
            "pearson": _within(score, words, prompt)["pearson"],
            "spearman": _within(score_ranks, word_ranks, prompt)["pearson"],
        },
        "given_rank": {
            "pearson": _given_rank(score, words, rank, ranking),
            "spearman": _given_rank(
                score.groupby(ranking).rank(),
                words.groupby(ranking).rank(),
                rank.groupby(ranking).rank(),
                ranking,
            ),
        },
        "longest_wins_accuracy": accuracy(pairs["longer"].to_numpy(dtype=float)),
        "adverse_accuracy": accuracy(adverse) if len(adverse) else None,
        "adverse_pairs": len(adverse),
    }


def _within(x: pd.Series, y: pd.Series, group: pd.Series) -> dict[str, float | None]:
    x = x - x.groupby(group).transform("mean")
    y = y - y.groupby(group).transform("mean")
    return correlations(x, y)


def _given_rank(
    score: pd.Series, words: pd.Series, rank: pd.Series, ranking: pd.Series
) -> float | None:
    """Partial correlation of score and words given rank, all less their mean in each ranking.

    (r_sw - r_sr r_wr) / sqrt((1 - r_sr^2) (1 - r_wr^2)), Fisher 1924; None where undefined.
    """
    s_w, s_r, w_r = (
        _within(a, b, ranking)["pearson"] for a, b in ((score, words), (score, rank), (words, rank))
    )
    if s_w is None or s_r is None or w_r is None:
        return None
    left = (1 - s_r**2) * (1 - w_r**2)
    return (s_w - s_r * w_r) / left**0.5 if left > EPSILON else None


def margin_figures(margins: Floats, temperature: float, score_std: float) -> dict[str, float]:
    """Mean and median margin: raw, in standard deviations of the score, and in BT logits.

    BT logits are margin / temperature; multiplying all scores by a constant multiplies the
    fitted temperature too and leaves them as they are.
    """
    mean, median = float(np.mean(margins)), float(np.median(margins))
    return {
        "mean_raw": mean,
        "median_raw": median,
        "mean_standardised": mean / (score_std + EPSILON),
        "median_standardised": median / (score_std + EPSILON),
        "mean_bt_logits": mean / temperature,
        "median_bt_logits": median / temperature,
    }


def summary(scored: Scored, temperature: float, score_std: float, bins: int) -> dict[str, Any]:
    """All figures of one scored set, with their counts."""
    margins = scored.pairs["margin"].to_numpy()
    diagram = reliability(margins / temperature, bins)
    weights = prompt_weights(scored.pairs["prompt_id"])
    return {
        "prompts": int(scored.responses["prompt_id"].nunique()),
        "responses": len(scored.responses),
        "pairs": len(margins),
        "accuracy": accuracy(margins),
        "accuracy_per_prompt": float(np.average(correct(margins), weights=weights)),
        "log_loss": bt_log_loss(margins / temperature),
        "margin": margin_figures(margins, temperature, score_std),
        "expected_calibration_error": expected_calibration_error(diagram),
        "reliability": diagram,
        "length": length_figures(scored),
        "domains": {
            str(domain): {
                "pairs": len(group),
                "accuracy": accuracy(group["margin"].to_numpy()),
                "margin": margin_figures(group["margin"].to_numpy(), temperature, score_std),
            }
            for domain, group in scored.pairs.groupby("domain", sort=True)
        },
    }
