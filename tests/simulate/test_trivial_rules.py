"""Rules that never look at the prompt must not come near the gate's accuracy of 65 %."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import vstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from rewardgate.near_duplicates import group_prompts
from rewardgate.settings import Simulate
from rewardgate.simulate import simulate

CEILING = 0.65
TRAIN = 600


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    settings = Simulate.model_validate(
        {
            "prompts": 900,
            "responses": [4, 9],
            "noise": 1.0,
            "label_noise": 0.0,
            "tie_width": 0.1,
            "planted_leaks": 0,
            "planted_contradictions": 0,
            "annotators": {"default": [{"name": "ada"}]},
        }
    )
    return simulate(settings, "default", 20261124).records


def texts_of(record: dict[str, Any]) -> list[str]:
    return [response["text"] for response in record["responses"]]


def pairs_of(record: dict[str, Any]) -> NDArray[np.int64]:
    """Positions (p, 2) of chosen and rejected."""
    ranks = [response["rank"] for response in record["responses"]]
    pairs = combinations(range(len(ranks)), 2)
    ordered = [(i, j) if ranks[i] < ranks[j] else (j, i) for i, j in pairs if ranks[i] != ranks[j]]
    return np.array(ordered, dtype=np.int64).reshape(-1, 2)


def accuracy(records: list[dict[str, Any]], scores_of: Any) -> float:
    hits = []
    for record in records:
        scores = np.asarray(scores_of(texts_of(record)), dtype=float)
        margins = scores[pairs_of(record)] @ [1, -1]
        hits.append((np.sign(margins) + 1) / 2)
    return float(np.concatenate(hits).mean())


def lengths(texts: list[str]) -> NDArray[np.float64]:
    return np.array([len(text) for text in texts], dtype=float)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(lengths, id="longest"),
        pytest.param(lambda texts: -lengths(texts), id="shortest"),
        pytest.param(
            lambda texts: -abs(lengths(texts) - np.median(lengths(texts))), id="nearest-the-median"
        ),
    ],
)
def test_length_rules_stay_below_the_gate(records: list[dict[str, Any]], rule: Any) -> None:
    assert accuracy(records, rule) < CEILING


def test_words_of_the_response_alone_stay_below_the_gate(records: list[dict[str, Any]]) -> None:
    train, held_out = records[:TRAIN], records[TRAIN:]
    tfidf = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"\w+|[^\w\s]"
    ).fit([text for record in train for text in texts_of(record)])
    differences = vstack(
        [
            features[chosen] - features[rejected]
            for record in train
            for features in [tfidf.transform(texts_of(record))]
            for chosen, rejected in [pairs_of(record).T]
        ]
    )
    signs = np.where(np.arange(differences.shape[0]) % 2, 1.0, -1.0)
    model = LogisticRegression(fit_intercept=False, max_iter=300)
    model.fit(differences.multiply(signs[:, None]).tocsr(), signs)

    def score(texts: list[str]) -> NDArray[np.float64]:
        return np.asarray(tfidf.transform(texts) @ model.coef_[0])

    assert accuracy(train, score) > accuracy(held_out, score) > 0.5
    assert accuracy(held_out, score) < CEILING


def test_prompts_are_not_near_duplicates_of_each_other(records: list[dict[str, Any]]) -> None:
    groups = group_prompts([record["prompt"] for record in records], 0.8, 5, 128)
    assert len(set(groups)) > 0.99 * len(records)
