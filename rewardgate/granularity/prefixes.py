"""Scores of a response's prefixes: what the reward model says after each step or each token."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from rewardgate.encoding import Encoded, Encoder
from rewardgate.granularity.steps import step_ends
from rewardgate.granularity.trees import tree_rows
from rewardgate.normalise import stored_form
from rewardgate.packing import Row
from rewardgate.reward_model import RewardModel, in_order
from rewardgate.scoring import in_shares

WINDOW = 32
"""Responses whose prefixes are encoded at a time, which bounds the memory that they take."""

LONGEST_COMPOSITION = 32
"""Characters that may come out otherwise where a text ends; Unicode's stream-safe text has 31."""

Floats = NDArray[np.float64]


def part_ends(
    response: str, encoder: Encoder, granularity: Literal["sequence", "step", "token"]
) -> list[int]:
    """Where the parts of a response end, in characters: strictly ascending, at least one of them.

    The last part ends with the response. Tokens are those of the reward model's tokenizer; several
    that make up one character count as one.
    """
    if granularity == "sequence":
        return [len(response)]
    if granularity == "step":
        return step_ends(response)
    ends = sorted({end for end in encoder.token_ends(response) if end})
    return [*ends[:-1], len(response)]


def score_prefixes(
    model: RewardModel,
    prompts: Sequence[str],
    responses: Sequence[str],
    ends: Sequence[Sequence[int]],
) -> list[Floats]:
    """Raw scores r(x, y[:end]) of the prefixes of n responses, each as if it were alone.

    ends: for each response where its prefixes end, ascending
    Prompts and prefixes are scored in their stored form (`normalise.stored_form`). Texts too long
    for the model are cut as for the whole response: all prefixes see the same end of the prompt,
    and those that end beyond the cut have the score of the last one before it.
    A causal decoder that takes packed rows reads each response once; any other model reads each
    prefix as a text of its own.
    Under `accelerate launch` every process calls this with the same texts and gets all scores.
    """
    texts = list(zip(prompts, responses, ends, strict=True))

    def own(part: slice) -> list[Floats]:
        mine = texts[part]
        windows = [mine[start : start + WINDOW] for start in range(0, len(mine), WINDOW)]
        return [scores for window in windows for scores in _scored(model, window)]

    return in_shares([len(p) + len(r) + len(e) for p, r, e in texts], own)


@torch.no_grad()
def _scored(model: RewardModel, texts: Sequence[tuple[str, str, Sequence[int]]]) -> list[Floats]:
    groups: list[list[Encoded]] = []
    places: list[list[int]] = []
    for prompt, response, ends in texts:
        kept_prompt, kept = model.encoder.fit(stored_form(prompt), stored_form(response))
        prefixes = _kept_prefixes(response, ends, kept)
        distinct = {prefix: place for place, prefix in enumerate(dict.fromkeys(prefixes))}
        groups.append([model.encoder.encode(kept_prompt, prefix) for prefix in distinct])
        places.append([distinct[prefix] for prefix in prefixes])
    rows = [row.to(model.model.device) for row in prefix_rows(model, groups)]
    scores = in_order(model.scorer(rows), rows).cpu().double().numpy()
    cuts = pairwise(accumulate((len(group) for group in groups), initial=0))
    return [scores[a:b][place] for (a, b), place in zip(cuts, places, strict=True)]


def _kept_prefixes(response: str, ends: Sequence[int], kept: str) -> list[str]:
    """Stored forms of the prefixes of a response, none beyond `kept`, the beginning that is read.

    What lies far beyond the cut is not copied: a response of megabytes may have as many steps.
    """
    prefixes: list[str] = []
    for end in ends:
        stored = stored_form(response[:end])
        if len(stored) > len(kept) + LONGEST_COMPOSITION:
            return [*prefixes, *[kept] * (len(ends) - len(prefixes))]
        prefixes.append(stored[: len(kept)])
    return prefixes


def prefix_rows(model: RewardModel, groups: Sequence[Sequence[Encoded]]) -> list[Row]:
    """Forward passes over groups of texts; those of a group begin alike and share what they can."""
    if model.scorer.packs and model.scorer.is_decoder:
        return tree_rows([[one.ids for one in group] for group in groups], model.tokens_per_row)
    return model.rows([one for group in groups for one in group])
