"""What the splits hold, what they share, and what a pair-level split would have shared."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2_contingency

from rewardgate.normalise import matching_form
from rewardgate.pairs import pairs_of

TRAIN = "train"


def composition(responses: pd.DataFrame, wanted: Mapping[str, float]) -> dict[str, Any]:
    """Sizes per split and the spread of each domain over the splits.

    `responses` is the canonical table plus a column `split`. Hashing stratifies only on average,
    so the share of each domain's prompts is set beside the wanted one, with the p-value of
    Pearson's chi-square test that domain and split are independent (`scipy.stats`).
    """
    pairs = pairs_of(responses)
    pair_split = responses["split"].to_numpy()[pairs["chosen"]]
    sizes = {}
    prompts = responses.drop_duplicates("prompt_id")
    for name in wanted:
        rows = responses[responses["split"] == name]
        sizes[name] = {
            "prompts": int(rows["prompt_id"].nunique()),
            "prompt_share": round(rows["prompt_id"].nunique() / len(prompts), 4),
            "rankings": int(rows["ranking_id"].nunique()),
            "responses": len(rows),
            "pairs": int((pair_split == name).sum()),
        }
    table = pd.crosstab(prompts["domain"], prompts["split"]).reindex(columns=list(wanted))
    test = chi2_contingency(table.to_numpy(), correction=False)
    return {
        "splits": sizes,
        "domains": {
            str(domain): {
                "prompts": int(row.sum()),
                "shares": {str(name): round(float(n / row.sum()), 4) for name, n in row.items()},
            }
            for domain, row in table.iterrows()
        },
        "domain_independence": {
            "chi_square": round(float(test.statistic), 4),
            "degrees_of_freedom": int(test.dof),
            "p_value": round(float(test.pvalue), 4),
        },
    }


def leakage(responses: pd.DataFrame, codes: pd.DataFrame, split: pd.Series) -> dict[str, Any]:
    """Leakage of a split that keeps rankings whole.

    `codes` holds, row by row, integers for the prompt, its near-duplicate group and the
    response text (equal code, equal matching form); `split` the name of the row's split.
    """
    pairs = pairs_of(responses)
    return _figures(pairs, codes, split.to_numpy()[pairs["chosen"]])


def pair_level_leakage(
    responses: pd.DataFrame, codes: pd.DataFrame, shares: Mapping[str, float], key: str
) -> dict[str, Any]:
    """The same figures had each pair been assigned by itself, at random with the same shares."""
    pairs = pairs_of(responses)
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    names = np.array(list(shares), dtype=object)
    chance = np.array(list(shares.values()))
    drawn = np.random.default_rng(seed).choice(len(names), size=len(pairs), p=chance / chance.sum())
    return _figures(pairs, codes, names[drawn])


def shared_prompts(held_out: Iterable[str], seen: Iterable[str]) -> int:
    """How many prompts of `held_out` stand in `seen` too, compared by their matching form."""
    ours, theirs = ({matching_form(one) for one in set(prompts)} for prompts in (held_out, seen))
    return len(ours & theirs)


def _figures(
    pairs: pd.DataFrame, codes: pd.DataFrame, split: NDArray[np.object_]
) -> dict[str, Any]:
    prompt = codes["prompt"].to_numpy()[pairs["chosen"]]
    group = codes["group"].to_numpy()[pairs["chosen"]]
    text = codes["text"].to_numpy()
    texts = np.concatenate([text[pairs["chosen"]], text[pairs["rejected"]]])
    text_split = np.concatenate([split, split])
    return {
        "pairs": len(pairs),
        "held_out_pairs": int((split != TRAIN).sum()),
        "prompts_in_several_splits": _straddling(prompt, split),
        "groups_in_several_splits": _straddling(group, split),
        "response_texts_in_several_splits": _straddling(texts, text_split),
        "held_out_pairs_with_prompt_in_train": _seen_in_train(prompt, split),
        "held_out_pairs_with_near_duplicate_in_train": _seen_in_train(group, split),
        "held_out_texts_in_train": _seen_in_train(
            *pd.DataFrame({"text": texts, "split": text_split}).drop_duplicates().to_numpy().T
        ),
    }


def _straddling(code: NDArray[Any], split: NDArray[Any]) -> int:
    """Number of codes found in more than one split."""
    return int((pd.Series(split).groupby(code).nunique() > 1).sum())


def _seen_in_train(code: NDArray[Any], split: NDArray[Any]) -> float:
    """Share of the held-out entries whose code also occurs in train."""
    held_out = split != TRAIN
    seen = np.isin(code[held_out].astype(np.int64), code[~held_out].astype(np.int64))
    return round(float(seen.mean()), 4) if len(seen) else 0.0
