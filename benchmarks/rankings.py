"""What is trained on and scored: rankings made of a word list, or real ones."""

import json
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from rewardgate.ingest import find_inputs, ingest
from rewardgate.settings import load_settings
from rewardgate.simulate.simulation import simulate

PARAMS = Path(__file__).parents[1] / "params.yaml"

REAL = Path(__file__).parents[2] / "shared" / "data"
"""Real rankings, where they lie beside the repository."""

SYLLABLES = [a + b for a, b in product("bdfgklmnprstvz", "aeiou")]
WORDS = [a + b for a, b in product(SYLLABLES, SYLLABLES)][:512]
GOOD, OTHER = np.array(WORDS[:64]), np.array(WORDS[64:])

LOG_SPREAD = 0.8
"""Standard deviation of the logarithm of a length. Between the responses to one prompt the real
files have 0.83 (AlpacaEval) and 0.66 (HH), between prompts 0.78 and 1.06."""

LONGEST = 4
"""A length is at most this many times the mean."""


def made_of_words(
    rankings: int, k: int, response_tokens: int, prompt_tokens: int, seed: list[int]
) -> pd.DataFrame:
    """A canonical table of `rankings` rankings of `k` responses, one token a word.

    The better of two responses holds the larger share of good words, whatever its length. Lengths
    are the evenly spaced quantiles of a log-normal distribution, shuffled, so that their mean is
    that asked for in a small table too.
    """
    rng = np.random.default_rng(seed)
    prompts = lengths(rankings, prompt_tokens, rng)
    responses = lengths(rankings * k, response_tokens, rng).reshape(rankings, k)
    rows = []
    for number in range(rankings):
        prompt = " ".join(rng.choice(OTHER, prompts[number]))
        goods = [rng.random(length) < rng.uniform(0, 0.5) for length in responses[number]]
        shares = np.array([good.mean() for good in goods])
        for index, good in enumerate(goods):
            words = np.where(good, rng.choice(GOOD, len(good)), rng.choice(OTHER, len(good)))
            rows.append(
                {
                    "prompt_id": f"p{number}",
                    "prompt": prompt,
                    "domain": "words",
                    "source": "words",
                    "annotator": "rule",
                    "ranking_id": f"r{number}",
                    "response_id": f"p{number}-{index}",
                    "text": " ".join(words),
                    "rank": 1 + int((shares > shares[index]).sum()),
                }
            )
    return pd.DataFrame(rows).astype({"rank": "int32"})


def lengths(count: int, mean: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`count` log-normal lengths (count,) of about that mean, at least 1."""
    spread = np.exp(LOG_SPREAD * norm.ppf((np.arange(count) + 0.5) / count))
    capped = np.minimum(spread / spread.mean(), LONGEST)
    return rng.permutation(np.maximum(1, np.round(mean * capped / capped.mean())).astype(np.int64))


def real(name: str) -> pd.DataFrame:
    """The canonical table of one real file, its rankings shuffled; `name` begins the file's name.

    Raises FileNotFoundError if the real files do not lie beside the repository.
    """
    (path,) = [file for file in find_inputs(REAL).files if file.name.startswith(name)]
    return shuffled(ingest([path], 0).responses)


def simulated(rankings: int, seed: int) -> pd.DataFrame:
    """The canonical table of rankings by the simulator's default annotators."""
    settings = load_settings(PARAMS).simulate.model_copy(update={"prompts": rankings})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "simulated.jsonl"
        records = simulate(settings, "default", seed).records
        path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
        return shuffled(ingest([path], 0).responses)


def shuffled(responses: pd.DataFrame) -> pd.DataFrame:
    """The same rankings in a random order that is always the same."""
    ids = responses["ranking_id"].unique()
    order = pd.Series(np.random.default_rng(0).permutation(len(ids)), index=ids)
    return responses.iloc[np.argsort(order[responses["ranking_id"]], kind="stable")].reset_index(
        drop=True
    )


def cut(responses: pd.DataFrame, rankings: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The first `rankings` rankings, and all the others."""
    first = responses["ranking_id"].isin(responses["ranking_id"].unique()[:rankings])
    return responses[first], responses[~first]
