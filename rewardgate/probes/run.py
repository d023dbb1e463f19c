"""Probe a reward model: score transformed responses beside the original ones."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rewardgate.figures import Figure
from rewardgate.intervals import clustered_mean
from rewardgate.metrics import correct
from rewardgate.probes import TRANSFORMATIONS
from rewardgate.probes.held_out import Prompt
from rewardgate.probes.transformation import Transformation, stream
from rewardgate.score_memo import Score

LEAST_PROMPTS = 10
"""Prompts from which on a transformation is reported by itself; with fewer, in its family."""

COLUMNS = (
    "prompt_id", "domain", "family", "transformation", "expectation", "prompt", "baseline", "text",
)  # fmt: skip


def probe_pairs(
    prompts: Sequence[Prompt],
    per_family: int,
    seed: int,
    transformations: Sequence[Transformation] = TRANSFORMATIONS,
) -> pd.DataFrame:
    """Pairs of a baseline and a transformed text, one row each, with the columns COLUMNS.

    Every family is tried on the best response to every prompt, with `per_family` of its
    transformations that apply there, drawn anew for each prompt. A pair depends on `seed` and on
    its own prompt alone.
    """
    families: dict[str, list[Transformation]] = {}
    for transformation in transformations:
        families.setdefault(transformation.family, []).append(transformation)
    rows = []
    for prompt in prompts:
        for family, members in families.items():
            order = stream(seed, prompt.prompt_id, "family", family).permutation(len(members))
            made = (_pair(prompt, members[i], seed) for i in order)
            rows += [row for row in made if row is not None][:per_family]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _pair(prompt: Prompt, one: Transformation, seed: int) -> tuple[str, ...] | None:
    response = prompt.best.text
    others = prompt.others(response)

    def made(change: Any, otherwise: str) -> str | None:
        if change is None:
            return otherwise
        rng = stream(seed, prompt.prompt_id, one.name)
        text: str | None = change(rng, prompt.prompt, response, others)
        return text

    text, baseline, asked = (
        made(one.apply, response), made(one.against, response), made(one.asked, prompt.prompt),
    )  # fmt: skip
    if text is None or baseline is None or asked is None or text == baseline:
        return None
    return (
        prompt.prompt_id, prompt.domain, one.family, one.name, one.expectation, asked, baseline,
        text,
    )  # fmt: skip


def scored_pairs(
    pairs: pd.DataFrame, score: Score, reward: Callable[[float, str, str], float]
) -> pd.DataFrame:
    """The pairs with the columns baseline_score, score (raw), baseline_reward and reward.

    reward: the mixed reward, from the raw score, the prompt and the text
    Both sides are scored in one call, so that responses to one prompt stand together.
    """
    prompts = [prompt for prompt in pairs["prompt"] for _ in range(2)]
    texts = pairs[["baseline", "text"]].to_numpy().ravel().tolist()
    scores = score(prompts, texts)
    rewards = np.array(
        [reward(float(s), x, y) for s, x, y in zip(scores, prompts, texts, strict=True)]
    )
    return pairs.assign(
        baseline_score=scores[::2],
        score=scores[1::2],
        baseline_reward=rewards[::2],
        reward=rewards[1::2],
    )


def probe_report(
    pairs: pd.DataFrame, temperature: float, mean_margin: float, resamples: int, seed: int
) -> dict[str, Any]:
    """Figures by family, those that should preserve the score apart from those that lower it.

    `transformations` has the same for each transformation of a family that has several, where it
    was tried on LEAST_PROMPTS prompts: a policy needs but one that pays, and a mean hides it.

    mean_margin: of the held-out pairs, in BT logits; the unit of `shift`

    Of each family and each transformation:
    shift: mean of (score - baseline score), in units of the mean margin; None unless that is > 0
    shift_bt_logits: the same in BT logits, score difference / temperature
    win_share: share of pairs whose transformed text scores above its baseline; a tie is one half
    reward_shift and reward_win_share: the same of the mixed reward, which the rules may save
    """

    def figures(rows: pd.DataFrame) -> dict[str, Any]:
        logits = (rows["score"] - rows["baseline_score"]).to_numpy() / temperature
        rewards = (rows["reward"] - rows["baseline_reward"]).to_numpy()

        def mean(values: NDArray[np.float64]) -> Figure:
            return asdict(clustered_mean(values, None, rows["prompt_id"], resamples, seed))

        return {
            "shift": mean(logits / mean_margin) if mean_margin > 0 else None,
            "shift_bt_logits": mean(logits),
            "win_share": mean(correct(logits)),
            "reward_shift": mean(rewards),
            "reward_win_share": mean(correct(rewards)),
        }

    report: dict[str, Any] = {
        "prompts": int(pairs["prompt_id"].nunique()),
        "pairs": len(pairs),
        "mean_margin_bt_logits": mean_margin,
        "preserving": {},
        "degrading": {},
        "transformations": {"preserving": {}, "degrading": {}},
    }
    for (expectation, family), rows in pairs.groupby(["expectation", "family"], sort=False):
        report[str(expectation)][str(family)] = figures(rows)
        members = rows.groupby("transformation", sort=True)
        for name, one in members if members.ngroups > 1 else ():
            if one["prompt_id"].nunique() >= LEAST_PROMPTS:
                row = {"family": str(family), **figures(one)}
                report["transformations"][str(expectation)][str(name)] = row
    return report
