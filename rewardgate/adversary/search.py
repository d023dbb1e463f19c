"""Searches that raise the proxy, as PPO does, from the response that the RM likes best."""

from collections.abc import Callable, Sequence

import numpy as np

from rewardgate.adversary.candidates import Candidate, Moves
from rewardgate.probes.held_out import Prompt
from rewardgate.probes.transformation import stream

Scored = dict[str, tuple[Candidate, float]]
"""Candidates of one prompt with their proxy, by text."""

Rate = Callable[[Sequence[Prompt], Sequence[Sequence[Candidate]]], list[Scored]]
"""Proxy of some candidates of each prompt."""


def best_of(scored: Scored) -> tuple[Candidate, float]:
    """The candidate with the highest proxy; the first of equal ones."""
    return max(scored.values(), key=lambda one: one[1])


def greedy(
    prompts: Sequence[Prompt],
    starts: Sequence[tuple[Candidate, float]],
    rate: Rate,
    moves: Moves,
    tries: int,
) -> list[tuple[Candidate, float]]:
    """Add the best of `tries` transformations, `depth` times or until none raises the proxy."""
    current = list(starts)
    for step in range(moves.depth):
        offers = []
        for prompt, (candidate, _) in zip(prompts, current, strict=True):
            rng = stream(moves.seed, prompt.prompt_id, "greedy", str(step))
            stuck = len(candidate.path) < step
            names = [] if stuck else list(dict.fromkeys(moves.names(rng, 4 * tries)))
            made = (moves.follow(prompt, candidate, [*candidate.path, name]) for name in names)
            offers.append([one for one in made if one is not None][:tries])
        for place, scored in enumerate(rate(prompts, offers)):
            if scored and (best := best_of(scored))[1] > current[place][1]:
                current[place] = best
    return current


def evolve(
    prompts: Sequence[Prompt],
    pools: Sequence[Scored],
    rate: Rate,
    moves: Moves,
    population: int,
    generations: int,
) -> list[tuple[Candidate, float]]:
    """Keep the `population` of highest proxy; each generation every one of them has a child.

    A child has one transformation more, or one less, than its parent.
    """
    living = [_fittest(pool, population) for pool in pools]
    for generation in range(generations):
        children = []
        for prompt, alive in zip(prompts, living, strict=True):
            rng = stream(moves.seed, prompt.prompt_id, "evolve", str(generation))
            born = (_child(rng, prompt, parent, moves) for parent, _ in alive.values())
            children.append([one for one in born if one is not None and one.text not in alive])
        for place, scored in enumerate(rate(prompts, children)):
            living[place] = _fittest(living[place] | scored, population)
    return [best_of(alive) for alive in living]


def _child(
    rng: np.random.Generator, prompt: Prompt, parent: Candidate, moves: Moves
) -> Candidate | None:
    path = list(parent.path)
    full = len(path) >= moves.depth
    if path and (full or rng.random() < 0.25):
        del path[int(rng.integers(len(path)))]
    if not full or rng.random() < 0.5:
        path.insert(int(rng.integers(len(path) + 1)), moves.names(rng, 1)[0])
    return moves.follow(prompt, parent, path[: moves.depth])


def _fittest(scored: Scored, count: int) -> Scored:
    best = sorted(scored.items(), key=lambda one: -one[1][1])[:count]
    return dict(best)
