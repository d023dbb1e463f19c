"""Probes: held-out responses changed in ways whose effect on their worth is known.

After the idea of reWordBench (Wu et al. 2025, arXiv 2503.11751): transform real inputs and see
whether the reward model follows the meaning or the wording.
"""

from rewardgate.probes import dressing, falsehood, length, no_answer
from rewardgate.probes.transformation import Transformation

TRANSFORMATIONS: tuple[Transformation, ...] = (
    *length.TRANSFORMATIONS,
    *dressing.TRANSFORMATIONS,
    *falsehood.TRANSFORMATIONS,
    *no_answer.TRANSFORMATIONS,
)
