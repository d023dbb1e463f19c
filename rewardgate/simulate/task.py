"""What a domain module hands over: one prompt and candidate answers to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

T = TypeVar("T")


class Candidate(NamedTuple):
    """An answer and its kind; the kind fixes its aspects, see `kinds.KINDS`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Task:
    key: str
    """Names what is asked; a data set holds a key once."""
    prompt: str
    topic: str
    """A noun phrase that rambling answers can talk about."""
    candidates: list[Candidate]

    def of_kinds(self, *kinds: str) -> list[str]:
        return [candidate.text for candidate in self.candidates if candidate.kind in kinds]


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def pick_other(rng: np.random.Generator, options: Sequence[T], taken: T) -> T:
    """Pick one that differs from `taken`; `options` must hold two different ones."""
    while (choice := pick(rng, options)) == taken:
        pass
    return choice


def sample(rng: np.random.Generator, options: Sequence[T], size: int) -> list[T]:
    return [options[int(i)] for i in rng.choice(len(options), size=size, replace=False)]


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def join_and(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def words(text: str) -> tuple[str, ...]:
    """Split a table cell: options are separated by |."""
    return tuple(text.split("|"))
