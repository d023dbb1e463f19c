"""What the others would say: a cheap Bradley-Terry model on features of prompt and response.

Most preference data has one annotator a prompt, so that nobody can be compared with another on
the same pair. A model of the others' choices stands in for them.
"""

import re
import zlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression

from rewardgate.normalise import matching_form

Floats = NDArray[np.float64]

FOLDS = 3
HASHED_FEATURES = 2**13
INVERSE_RIDGE = 0.3
"""`C` of the logistic regression; 0.3, 1 and 3 differ by 0.01 in accuracy on simulated data."""
MAX_TRAINING_PAIRS = 20_000
_DENSE_SCALE = 0.3
_WORD = re.compile(r"\w+")


def features_of(responses: pd.DataFrame) -> sparse.csr_matrix:
    """Sparse features (r, f), one row a response: what it says, and how it fits its prompt.

    TF-IDF of hashed words and word pairs; log length and its square, the share of the response's
    words that stand in the prompt, the share of the prompt's words that it takes up, and the share
    of its words that are distinct, each standardised. All of it once for all domains and once more
    for the response's own (Daume 2007, "Frustratingly Easy Domain Adaptation").
    """
    hashed = HashingVectorizer(
        ngram_range=(1, 2), n_features=HASHED_FEATURES, alternate_sign=False, norm=None
    ).transform(responses["text"])
    words = TfidfTransformer(sublinear_tf=True).fit_transform(hashed)
    dense = np.array(
        [_fit(*pair) for pair in zip(responses["prompt"], responses["text"], strict=True)]
    )
    spread = dense.std(axis=0)
    dense = (dense - dense.mean(axis=0)) / np.where(spread > 0, spread, 1.0) * _DENSE_SCALE
    shared = sparse.hstack([words, sparse.csr_matrix(dense)]).tocsr()
    domain, names = pd.factorize(responses["domain"])
    own = [sparse.diags_array((domain == k).astype(float)) @ shared for k in range(len(names))]
    return sparse.hstack([shared, *own] if len(names) > 1 else [shared]).tocsr()


def _fit(prompt: str, text: str) -> list[float]:
    asked, said = set(_WORD.findall(prompt.lower())), _WORD.findall(text.lower())
    distinct = set(said)
    length = float(np.log1p(len(text)))
    return [
        length,
        length**2,
        sum(word in asked for word in said) / max(len(said), 1),
        len(asked & distinct) / max(len(asked), 1),
        len(distinct) / max(len(said), 1),
    ]


def folds_of(prompts: pd.Series) -> NDArray[np.int64]:
    """Fold (p,) of each pair from its prompt's text: one for a prompt under whatever prompt_id.

    Prompts of one matching form share a fold, since a model that has seen a prompt's answers
    ranked would judge their repetition too well. No other prompt plays a part.
    """
    fold = {one: zlib.crc32(matching_form(one).encode()) % FOLDS for one in prompts.unique()}
    return prompts.map(fold).to_numpy(np.int64)


def cross_fitted_margins(
    features: sparse.csr_matrix, pairs: pd.DataFrame, without: NDArray[np.bool_], seed: int
) -> Floats:
    """Score of chosen minus rejected (p,), by models that saw neither the pair's prompt nor any
    comparison in `without` (p,).

    The model is Bradley-Terry: logistic regression on the difference of the two sides' features,
    without an intercept. 0 where there is nothing to learn from.
    """
    fold, margins = folds_of(pairs["prompt"]), np.zeros(len(pairs))
    rng = np.random.default_rng(seed)
    for number in range(FOLDS):
        held_out = fold == number
        train = np.flatnonzero(~held_out & ~without)
        if len(train) < 2 or not held_out.any():
            continue
        if len(train) > MAX_TRAINING_PAIRS:
            train = np.sort(rng.choice(train, MAX_TRAINING_PAIRS, replace=False))
        sign = np.where(np.arange(len(train)) % 2 == 0, 1, -1)
        difference = sparse.diags_array(sign.astype(float)) @ _difference(features, pairs, train)
        model = LogisticRegression(C=INVERSE_RIDGE, fit_intercept=False, tol=1e-3)
        weights = model.fit(difference, sign).coef_[0]
        scores = features @ weights
        margins[held_out] = (
            scores[pairs["chosen"].to_numpy()] - scores[pairs["rejected"].to_numpy()]
        )[held_out]
    return margins


def _difference(
    features: sparse.csr_matrix, pairs: pd.DataFrame, rows: NDArray[np.int64]
) -> sparse.csr_matrix:
    chosen, rejected = pairs["chosen"].to_numpy()[rows], pairs["rejected"].to_numpy()[rows]
    return features[chosen] - features[rejected]
