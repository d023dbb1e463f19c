"""What is measured: a model, rankings of some size and length, and how both sides train."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.rankings import REAL, cut, made_of_words, real, simulated

PAIRS_PER_STEP = {64: 36, 256: 36, 1024: 18}
"""By mean length: one ranking of 9, six of 4 (three of the longest) or as many pairs."""

STEPS = {64: 6, 256: 2, 1024: 1}
"""Optimiser steps by mean length: about 50,000 tokens for a trainer of pairs."""

PROMPT_TOKENS = {64: 64, 256: 64, 1024: 256}

HELD_OUT_TOKENS = 40_000


@dataclass(frozen=True)
class PeerSettings:
    """What TRL leaves to its user: pairs in one forward pass, and the order they come in."""

    batch: int
    sampling: str


PEER = {
    64: PeerSettings(2, "group_by_length"),
    256: PeerSettings(1, "group_by_length"),
    1024: PeerSettings(1, "group_by_length"),
}
"""The fastest of TRL's settings by mean length, as `--tune` found them."""


@dataclass(frozen=True)
class Recipe:
    """How both sides train: AdamW, rate falling to 0 on a cosine, no dropout."""

    learning_rate: float
    pairs_per_step: int = 36
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    bf16: bool = False


@dataclass(frozen=True)
class Case:
    """One row of the table.

    base: what rewardgate loads, `minilm` or a folder
    data: words | hh_harmless | alpaca_eval | simulated
    k, length: responses a ranking and mean tokens a response; None for data that has its own
    rankings, held_out: how many to train on and to judge by
    our_epochs: epochs of rewardgate; TRL's is always one
    """

    model: str
    base: str
    max_length: int
    data: str
    k: int | None
    length: int | None
    rankings: int
    held_out: int
    recipe: Recipe
    peer: PeerSettings
    our_epochs: float = 1

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Canonical tables to train on and to judge by."""
        if self.k and self.length:
            sizes = (self.k, self.length, PROMPT_TOKENS.get(self.length, self.length))
            train = made_of_words(self.rankings, *sizes, seed=[1, *sizes])
            return train, made_of_words(self.held_out, *sizes, seed=[2, *sizes])
        if self.data == "simulated":
            table = simulated(self.rankings + self.held_out, seed=0)
        else:
            table = real(self.data)
        train, others = cut(table, self.rankings)
        return train, cut(others, self.held_out)[0]


def decoder_case(model: str, folder: Path, k: int, length: int, steps: int) -> Case:
    """Rankings of words, as many as fill that many steps."""
    pairs = k * (k - 1) // 2
    recipe = Recipe(1e-3, max(pairs, PAIRS_PER_STEP.get(length, 36)))
    rankings = steps * recipe.pairs_per_step // pairs
    tokens = k * (length + PROMPT_TOKENS.get(length, length))
    held_out = max(4, HELD_OUT_TOKENS // tokens)
    peer = PEER.get(length, PEER[64])
    return Case(model, str(folder), 16384, "words", k, length, rankings, held_out, recipe, peer)


def encoder_cases(scale: int) -> list[Case]:
    """MiniLM on the real files, or on the simulator's rankings where they are not at hand."""
    recipe = Recipe(learning_rate=1e-4)
    sizes = {"hh_harmless": (72, 150), "alpaca_eval": (4, 30)} if REAL.is_dir() else {}
    return [
        Case(
            "minilm", "minilm", 512, data, None, None, scale * rankings, held_out, recipe, PEER[64]
        )
        for data, (rankings, held_out) in (sizes or {"simulated": (4, 30)}).items()
    ]
