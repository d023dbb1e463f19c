"""Judges that no reward model should lose to: length, and words without a neural network."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array, hstack
from scipy.special import log_expit
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from rewardgate.metrics import prompt_weights
from rewardgate.pairs import pairs_of

Floats = NDArray[np.float64]
Weighting = Literal["pair", "prompt"]

INVERSE_PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Candidates for scikit-learn's C, the inverse strength of the L2 penalty."""


def longest_wins(responses: pd.DataFrame) -> Floats:
    """Scores (n,) by which the response of most whitespace-separated words wins."""
    return np.array([len(text.split()) for text in responses["text"]], dtype=float)


def shortest_wins(responses: pd.DataFrame) -> Floats:
    """Scores (n,) by which the response of fewest words wins."""
    return -longest_wins(responses)


@dataclass(frozen=True)
class Features:
    """TF-IDF of a response's words and pairs of words; its log length too if there is a scale.

    length_scale: standard deviation of log(1 + words), so that the penalty treats length as it
    treats words; None to leave length out
    """

    tfidf: TfidfVectorizer
    length_scale: float | None

    @classmethod
    def of(cls, responses: pd.DataFrame, with_length: bool) -> "Features":
        tfidf = TfidfVectorizer(
            ngram_range=(1, 2), min_df=3, sublinear_tf=True, token_pattern=r"\w+|[^\w\s]"
        ).fit(responses["text"])
        spread = float(np.log1p(longest_wins(responses)).std())
        return cls(tfidf, spread if with_length and spread > 0 else None)

    def __call__(self, responses: pd.DataFrame) -> csr_matrix:
        """Features (n, f) of n responses."""
        rows = self.tfidf.transform(responses["text"])
        if self.length_scale is None:
            return rows
        length = np.log1p(longest_wins(responses)) / self.length_scale
        return hstack([rows, length[:, None]], format="csr")


@dataclass(frozen=True)
class LinearJudge:
    """A Bradley-Terry model that is linear in its features; `c` is the inverse penalty chosen."""

    features: Features
    coefficients: Floats
    c: float

    def score(self, responses: pd.DataFrame) -> Floats:
        """Scores (n,) of n responses."""
        return self.features(responses) @ self.coefficients


def fit_linear_judge(
    train_set: pd.DataFrame, eval_set: pd.DataFrame, with_length: bool, weighting: Weighting
) -> LinearJudge:
    """Logistic regression without intercept on the differences chosen - rejected.

    train_set, eval_set: canonical tables of responses
    weighting: every pair weighs the same, or 1 / (pairs of its prompt)

    C is the one of least Bradley-Terry loss, so weighted, on `eval_set`.
    """
    features = Features.of(train_set, with_length)
    differences, weights = _differences(features, train_set, weighting)
    held_out, held_out_weights = _differences(features, eval_set, weighting)
    sides = np.where(np.arange(len(weights)) % 2, -1.0, 1.0)
    oriented = diags_array(sides) @ differences
    weights = weights * len(weights) / weights.sum()
    judges = []
    for c in INVERSE_PENALTIES:
        model = LogisticRegression(C=c, fit_intercept=False, max_iter=1000)
        model.fit(oriented, sides, sample_weight=weights)
        judges.append(LinearJudge(features, model.coef_[0], c))
    losses = [
        np.average(-log_expit(held_out @ judge.coefficients), weights=held_out_weights)
        for judge in judges
    ]
    return judges[int(np.argmin(losses))]


def _differences(
    features: Features, responses: pd.DataFrame, weighting: Weighting
) -> tuple[csr_matrix, Floats]:
    """Differences of features (p, f) and weights (p,) of all comparisons."""
    pairs = pairs_of(responses)
    rows = features(responses)
    chosen, rejected = pairs["chosen"].to_numpy(), pairs["rejected"].to_numpy()
    by_prompt = weighting == "prompt"
    weights = prompt_weights(pairs["prompt_id"]) if by_prompt else np.ones(len(pairs))
    return rows[chosen] - rows[rejected], weights
