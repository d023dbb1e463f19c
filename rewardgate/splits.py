"""Prompts to train, eval, calibration and test, such that nothing is in two of them.

Each prompt has a home: a keyed hash of its matching form, mapped onto the shares. The home
depends on nothing else, so a prompt keeps it whatever data is added, removed or reordered.
What would stand in two splits is excluded from the less protected one, never moved:

1. Where near-duplicate prompts have different homes, the most protected home stays.
2. Where a response text stands in several splits, the rows in the most protected one stay.
3. A ranking left with fewer than two distinct ranks is excluded.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rewardgate.errors import RewardGateError
from rewardgate.leakage import composition, leakage, pair_level_leakage
from rewardgate.near_duplicates import group_prompts
from rewardgate.normalise import matching_form
from rewardgate.settings import Split

SPLITS = ("train", "eval", "calibration", "test")
PROTECTION = ("test", "calibration", "eval", "train")
"""Most protected first; a level is a position in this tuple."""

NEAR_DUPLICATE = "near-duplicate of a prompt in a more protected split"
SHARED_TEXT = "response text is also in a more protected split"
TOO_FEW_RANKS = "fewer than two distinct ranks are left in the ranking"
MINHASH_SEED = 1


@dataclass(frozen=True)
class SplitResult:
    """`splits` holds the canonical table of each split.

    `excluded` adds to its columns: split (the home), reason, collides_with (a prompt_id, empty
    if none) and collides_with_split. `report` is JSON-able.
    """

    splits: dict[str, pd.DataFrame]
    excluded: pd.DataFrame
    report: dict[str, Any]


def home_of(prompt: str, settings: Split) -> str:
    """The split that a prompt belongs to, by HMAC-SHA256 of its matching form under the key."""
    digest = hmac.digest(settings.key.encode(), matching_form(prompt).encode(), "sha256")
    position = int.from_bytes(digest[:8], "big") / 2**64
    for split in PROTECTION[:-1]:
        position -= getattr(settings.shares, split)
        if position < 0:
            return split
    return PROTECTION[-1]


def homes_of(prompts: Sequence[str], settings: Split) -> list[str | None]:
    """The split of each prompt; None where a near-duplicate has a more protected one."""
    _, group, level = _prompt_codes(pd.Series(prompts, dtype="str"), settings)
    lowest = pd.Series(level).groupby(group).transform("min").to_numpy()
    return [
        PROTECTION[own] if own == kept else None for own, kept in zip(level, lowest, strict=True)
    ]


def split(responses: pd.DataFrame, settings: Split) -> SplitResult:
    """Split the canonical table; see the module's text for the rules.

    Raises RewardGateError if a split comes out empty.
    """
    responses = responses.reset_index(drop=True)
    prompt, group, level = _prompt_codes(responses["prompt"], settings)
    text = pd.factorize(responses["text"].map(matching_form))[0].astype(np.int64)
    reason, collides = _exclusions(responses, group, level, text)
    kept = (reason == "").to_numpy()
    home = pd.Series(np.array(PROTECTION, dtype=object)[level], dtype="str")
    splits = {
        name: responses[kept & (home == name).to_numpy()].reset_index(drop=True) for name in SPLITS
    }
    _refuse_empty(splits, prompts=int(prompt.max(initial=-1)) + 1)
    excluded = responses.assign(split=home, reason=reason)[~kept]
    excluded = excluded.join(collides).reset_index(drop=True)
    codes = pd.DataFrame({"prompt": prompt, "group": group, "text": text})
    wanted = {name: float(getattr(settings.shares, name)) for name in SPLITS}
    report = {
        "wanted_shares": wanted,
        **composition(responses.assign(split=home)[kept], wanted),
        "near_duplicates": _group_sizes(prompt, group),
        "excluded": _excluded_counts(excluded),
        "leakage": {
            "this_split": leakage(responses[kept], codes[kept], home[kept]),
            "pair_level_split": pair_level_leakage(responses, codes, wanted, settings.key),
        },
    }
    return SplitResult(splits, excluded, report)


def _prompt_codes(
    prompts: pd.Series, settings: Split
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Per row: code of the prompt's matching form, near-duplicate group, level of its home."""
    codes, distinct = pd.factorize(prompts)
    forms, distinct_forms = pd.factorize(np.array([matching_form(one) for one in distinct], object))
    groups = group_prompts(
        list(distinct_forms),
        settings.near_duplicate_similarity,
        settings.shingle_chars,
        settings.permutations,
        MINHASH_SEED,
    )
    levels = np.array([PROTECTION.index(home_of(one, settings)) for one in distinct], np.int64)
    form = forms[codes].astype(np.int64)
    return form, groups[form], levels[codes]


def _exclusions(
    responses: pd.DataFrame,
    group: NDArray[np.int64],
    level: NDArray[np.int64],
    text: NDArray[np.int64],
) -> tuple[pd.Series, pd.DataFrame]:
    """Per row: the reason ("" where the row stays) and what it collides with."""
    rows = pd.DataFrame(
        {
            "prompt_id": responses["prompt_id"],
            "ranking_id": responses["ranking_id"],
            "rank": responses["rank"],
            "group": group,
            "text": text,
            "level": level,
        }
    )
    reason = pd.Series("", index=rows.index, dtype="str")
    collides = pd.DataFrame(
        {"collides_with": "", "collides_with_split": ""}, rows.index, dtype="str"
    )
    for column, why in (("group", NEAR_DUPLICATE), ("text", SHARED_TEXT)):
        keeper = _keepers(rows[reason == ""], column)
        keeper = keeper.reindex(rows[column]).set_axis(rows.index)
        lost = (reason == "") & (rows["level"] > keeper["level"])
        reason[lost] = why
        collides.loc[lost, "collides_with"] = keeper["prompt_id"][lost]
        collides.loc[lost, "collides_with_split"] = keeper["level"][lost].map(
            lambda at: PROTECTION[int(at)]
        )
    kept = rows[reason == ""]
    ranks = kept.groupby("ranking_id")["rank"].nunique()
    short = (reason == "") & rows["ranking_id"].isin(ranks.index[ranks < 2])
    cause = collides[reason != ""].groupby(rows["ranking_id"]).first()
    cause = cause.reindex(rows["ranking_id"][short]).fillna("")
    reason[short] = TOO_FEW_RANKS
    collides.loc[short] = cause.to_numpy()
    return reason, collides


def _keepers(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Per value of `column`: the most protected level that holds it and a prompt_id there."""
    ordered = rows.sort_values([column, "level", "prompt_id"], kind="stable")
    return ordered.drop_duplicates(column).set_index(column)[["level", "prompt_id"]]


def _refuse_empty(splits: dict[str, pd.DataFrame], prompts: int) -> None:
    empty = [name for name, frame in splits.items() if frame.empty]
    if empty:
        raise RewardGateError(
            f"split: no ranking for {', '.join(empty)} from {prompts} prompts; add rankings, "
            f"raise split.shares there, or check split.near_duplicate_similarity"
        )


def _group_sizes(prompt: NDArray[np.int64], group: NDArray[np.int64]) -> dict[str, Any]:
    members = pd.Series(group).groupby(prompt).first().value_counts()
    several = members[members > 1]
    return {
        "groups": len(several),
        "prompts_in_groups": int(several.sum()),
        "sizes": {str(size): int(n) for size, n in several.value_counts().sort_index().items()},
    }


def _excluded_counts(excluded: pd.DataFrame) -> dict[str, Any]:
    def counts(frame: pd.DataFrame) -> dict[str, int]:
        return {
            "prompts": int(frame["prompt_id"].nunique()),
            "rankings": int(frame["ranking_id"].nunique()),
            "responses": len(frame),
        }

    reasons = (NEAR_DUPLICATE, SHARED_TEXT, TOO_FEW_RANKS)
    return counts(excluded) | {
        "reasons": {reason: counts(excluded[excluded["reason"] == reason]) for reason in reasons}
    }
