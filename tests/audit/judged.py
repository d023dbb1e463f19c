"""Comparisons and whole data sets by annotators of known reliability."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from rewardgate.canonical import COLUMNS
from rewardgate.settings import Audit

SETTINGS = Audit(
    min_prompts=20,
    alpha=0.05,
    max_agreement_gap=0.05,
    max_length_bias_gap=0.5,
    max_first_listed_gap=0.1,
)
GOOD = ("clear", "right", "helpful", "exact", "sound")
BAD = ("vague", "wrong", "useless", "muddled", "broken")
FILLER = ("indeed", "well", "then", "so", "thus", "here")

Order = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From worth (n,) and length (n,) of the responses, as listed, to a score (n,), best highest."""

SOUND: Order = lambda worth, length: worth  # noqa: E731
BACKWARDS: Order = lambda worth, length: -worth  # noqa: E731
RANDOM: Order = lambda worth, length: np.zeros(len(worth))  # noqa: E731
LENGTH_LOVER: Order = lambda worth, length: 0.2 * length  # noqa: E731
FIRST_LISTED: Order = lambda worth, length: -5.0 * np.arange(len(worth))  # noqa: E731


def canonical(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """A canonical table from (prompt_id, annotator, ranking_id, text, rank) rows."""
    full = [
        (prompt, f"Question {prompt}?", "facts", "test", annotator, ranking, f"{ranking}-{at}",
         text, rank, np.nan)
        for at, (prompt, annotator, ranking, text, rank) in enumerate(rows)
    ]  # fmt: skip
    return pd.DataFrame(full, columns=COLUMNS).astype({"rank": "int32", "strength": "float64"})


def drawn(
    annotators: dict[str, Order],
    prompts: int,
    seed: int,
    everyone: bool = False,
    noise: float = 1.0,
) -> pd.DataFrame:
    """Rankings of four responses whose worth, in BT logits, is their good minus their bad words.

    Annotators take prompts in turn, or all of them each prompt if `everyone`.
    """
    rng, names, rows = np.random.default_rng(seed), list(annotators), []
    for number in range(prompts):
        good, bad = rng.integers(0, 4, size=(2, 4))
        texts = [
            " ".join(
                [*rng.choice(GOOD, g), *rng.choice(BAD, b), *rng.choice(FILLER, rng.integers(1, 9))]
            )
            for g, b in zip(good, bad, strict=True)
        ]
        length = np.array([len(text) for text in texts], dtype=float)
        for name in names if everyone else [names[number % len(names)]]:
            score = annotators[name]((good - bad).astype(float), length)
            felt = score + noise * rng.gumbel(size=4)
            rank = (-felt).argsort().argsort() + 1
            rows += [
                (f"p{number}", name, f"k{number}-{name}", text, place)
                for text, place in zip(texts, rank, strict=True)
            ]
    return canonical(rows)
