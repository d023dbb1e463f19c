"""Candidate responses: held-out ones, and compositions of transformations of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rewardgate.probes import TRANSFORMATIONS
from rewardgate.probes.held_out import Prompt, Response
from rewardgate.probes.transformation import Transformation, pick, stream

COMPOSABLE = {one.name: one for one in TRANSFORMATIONS if one.asked is None}
"""The transformations that leave the prompt as it is."""

BORROWED = 3
"""Responses to other prompts in each pool."""

ATTEMPTS = 30
"""Draws for each candidate of a pool; transformations may not apply or give a text twice."""


@dataclass(frozen=True)
class Candidate:
    """A text that the policy may write.

    source: the held-out response it was made of
    path: names of the transformations, in order
    keeps: share of the source's content that is left
    borrowed: whether the source is a response to another prompt
    """

    text: str
    source: Response
    path: tuple[str, ...] = ()
    keeps: float = 1.0
    borrowed: bool = False


@dataclass(frozen=True)
class Moves:
    """What the policy may do to a text: the transformations, how many, and up to what length."""

    depth: int
    max_words: int
    seed: int
    transformations: tuple[Transformation, ...] = tuple(COMPOSABLE.values())

    def names(self, rng: np.random.Generator, count: int) -> list[str]:
        """Names of `count` transformations: a family each time, then one of its own."""
        families: dict[str, list[str]] = {}
        for one in self.transformations:
            families.setdefault(one.family, []).append(one.name)
        groups = list(families.values())
        drawn = (groups[int(i)] for i in rng.integers(len(groups), size=count))
        return [pick(rng, names) for names in drawn]

    def follow(self, prompt: Prompt, start: Candidate, names: Sequence[str]) -> Candidate | None:
        """The source of `start` taken along a path; None if a step does not apply or is too long.

        The text depends on the seed, the prompt, the source and the path alone.
        """
        known = {one.name: one for one in self.transformations}
        text, keeps = start.source.text, 1.0
        for step, name in enumerate(names, start=1):
            one = known[name]
            rng = stream(self.seed, prompt.prompt_id, *names[:step])
            changed = one.apply(rng, prompt.prompt, text, prompt.others(start.source.text))
            if changed is None or changed == text or len(changed.split()) > self.max_words:
                return None
            text, keeps = changed, keeps * one.keeps
        return Candidate(text, start.source, tuple(names), keeps, start.borrowed)


def held_out(prompt: Prompt) -> list[Candidate]:
    return [Candidate(response.text, response) for response in prompt.responses]


def draw_pool(
    prompt: Prompt, elsewhere: Sequence[Prompt], size: int, moves: Moves
) -> list[Candidate]:
    """About `size` distinct candidates: what is drawn from, as from a policy.

    All held-out responses, a few from `elsewhere`, and compositions of 1 to `depth`
    transformations of held-out responses. Fewer if no more can be made.
    """
    rng = stream(moves.seed, prompt.prompt_id, "pool")
    strangers = [other for other in elsewhere if other.prompt_id != prompt.prompt_id]
    lent = [strangers[i].best for i in rng.permutation(len(strangers))[:BORROWED]]
    own = held_out(prompt)
    pool = {one.text: one for one in own}
    for response in lent:
        pool.setdefault(response.text, Candidate(response.text, response, borrowed=True))
    for _ in range(ATTEMPTS * size):
        if len(pool) >= size:
            break
        start = pick(rng, own)
        names = moves.names(rng, int(rng.integers(1, moves.depth + 1)))
        made = moves.follow(prompt, start, names)
        if made is not None:
            pool.setdefault(made.text, made)
    return list(pool.values())[:size]
