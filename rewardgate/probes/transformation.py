"""What a probe is: a change to a response whose effect on its worth is known beforehand."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

Change = Callable[[np.random.Generator, str, str, Sequence[str]], str | None]
"""(rng, prompt, response, other responses to the prompt) -> a new text; None: does not apply."""

T = TypeVar("T")

Expectation = Literal["preserving", "degrading"]


@dataclass(frozen=True)
class Transformation:
    """A change to a response, pure: the same generator state and texts give the same text.

    family: what it is reported under; all of a family have one expectation
    expectation: `preserving`: the content stays, so the score should not rise; `degrading`: the
        content is lost or false, so the score must fall
    keeps: share of the content's worth that is left, by the simulator's scale of kinds
    against: makes the text that it is compared with, if not the response as it is
    asked: makes the prompt to which both are scored, if not the prompt as it is
    """

    name: str
    family: str
    expectation: Expectation
    apply: Change
    keeps: float = 1.0
    against: Change | None = None
    asked: Change | None = None


def stream(seed: int, *names: str) -> np.random.Generator:
    """A random stream of its own for each tuple of names, the same on every machine."""
    digest = hashlib.sha256("\x00".join(names).encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, each as likely."""
    return options[int(rng.integers(len(options)))]


def always(text: str) -> Change:
    """A change that puts one fixed text in the response's place."""
    return lambda rng, prompt, response, others: text if text != response else None


def around(openings: Sequence[str], closings: Sequence[str], template: str) -> Change:
    """A change that draws an opening and a closing and fills a template with them."""

    def change(rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]) -> str:
        opening = pick(rng, openings)
        closing = pick(rng, closings)
        return template.format(opening=opening, closing=closing, response=response)

    return change


def one_of(texts: Sequence[str], template: str = "{text}") -> Change:
    """A change that draws a text and puts it, and the response, into a template."""

    def change(
        rng: np.random.Generator, prompt: str, response: str, others: Sequence[str]
    ) -> str | None:
        text = pick(rng, texts)
        made = template.replace("{text}", text).replace("{response}", response)
        return made if made != response else None

    return change
