"""The reward of a response, dealt out to its parts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardgate.rewards import Reward, rm_part
from rewardgate.settings import Rewards


def credit(
    reward: Reward, scores: NDArray[np.float64], mean: float, std: float, settings: Rewards
) -> NDArray[np.float64]:
    """Rewards (k,) of the k parts of a response; their sum is `reward.total`.

    reward: of the whole response; scores: (k,) raw, of its prefixes up to the end of each part;
        mean, std: of the calibration set
    The rm part of a prefix is that of a response: normalised, clipped and weighted. Part i earns
    what it adds, rm_i - rm_(i-1) with rm_0 = 0, so the first part carries the level at which the
    response starts and the sum is rm, the rm part of the whole response. What rules and penalties
    add is known at the end and goes to the last part. A response at the floor earns it there and
    nothing before.
    With the prefix's rm part as potential this is the shaping of Ng, Harada and Russell 1999,
    theorem 1: without discount, a policy is optimal for it where it is optimal for the reward of
    the whole response.
    """
    earned = np.zeros(len(scores))
    if reward.total > settings.floor:
        earned = np.diff([rm_part(one, mean, std, settings) for one in scores], prepend=0.0)
    earned[-1] = reward.total - earned[:-1].sum()
    return earned


def as_parts(ends: Sequence[int], rewards: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Parts as JSON: where each ends, in characters of the response, and its reward."""
    return [{"end": int(end), "reward": float(one)} for end, one in zip(ends, rewards, strict=True)]


def on_tokens(parts: Sequence[dict[str, Any]], token_ends: Sequence[int]) -> NDArray[np.float64]:
    """The rewards of parts on the tokens of another tokenizer, as of the policy's: (tokens,).

    parts: the `steps` or `tokens` of a row of `Promoted.rewards`
    token_ends: (tokens,) where each token ends, in characters of the same response, ascending
    A part's reward falls on the first token that reaches its end, or on the last token. The sum
    stays. Raises ValueError if there is no token.
    """
    if not len(token_ends):
        raise ValueError("no token to put the reward on")
    at = np.searchsorted(np.asarray(token_ends), [part["end"] for part in parts])
    earned = [part["reward"] for part in parts]
    rewards = np.zeros(len(token_ends))
    np.add.at(rewards, np.minimum(at, len(token_ends) - 1), earned)
    return rewards
