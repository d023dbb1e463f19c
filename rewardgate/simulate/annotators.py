"""How a simulated annotator sees answers and orders them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rewardgate.settings import Annotator

Floats = NDArray[np.float64]


def perceived(
    utilities: Floats, lengths: Floats, traits: Mapping[str, Floats], annotator: Annotator
) -> Floats:
    """Utilities as the annotator feels them: shape (n,), BT logits.

    `lengths` (n,) are in characters and enter as z-scores within the prompt (0 if all are equal);
    `traits` (n,) each, in [0, 1], enter with the annotator's bias of that name.
    """
    spread = lengths.std()
    z = (lengths - lengths.mean()) / spread if spread > 0 else np.zeros_like(lengths)
    felt = utilities + annotator.length_bias * z
    for name, values in traits.items():
        felt = felt + getattr(annotator, f"{name}_bias") * values
    return felt


def draw_ranks(
    rng: np.random.Generator, utilities: Floats, noise: float, tie_width: float
) -> list[int]:
    """Draw a ranking from the Plackett-Luce model: n ranks, 1 is best, equal ranks tie.

    Sorting by utility + noise * Gumbel draws from Plackett-Luce (Yellott 1977, after Luce 1959), so
    that P(i above j) = sigmoid((u_i - u_j) / noise), the Bradley-Terry model. Neighbours in that
    order whose perturbed utilities differ by less than `tie_width` tie; for two answers this is the
    model of Rao and Kupper 1967: P(i above j) = sigmoid((u_i - u_j - tie_width) / noise).
    Ranks skip after a tie (1, 1, 3).
    """
    perturbed = utilities + noise * rng.gumbel(size=len(utilities))
    order = np.argsort(-perturbed, kind="stable")
    ranks = [0] * len(order)
    rank = 1
    for position, index in enumerate(order):
        if position and perturbed[order[position - 1]] - perturbed[index] >= tie_width:
            rank = position + 1
        ranks[index] = rank
    return ranks
