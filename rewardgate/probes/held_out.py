"""The held-out prompts as the probes and the adversary see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

T = TypeVar("T")


@dataclass(frozen=True)
class Response:
    """A held-out response. worth: in [0, 1], 1 for the best rank and 0 for the worst."""

    response_id: str
    text: str
    worth: float


@dataclass(frozen=True)
class Prompt:
    """A prompt with its distinct responses, the best-ranked first."""

    prompt_id: str
    prompt: str
    domain: str
    responses: tuple[Response, ...]

    @property
    def best(self) -> Response:
        return self.responses[0]

    def others(self, text: str) -> list[str]:
        """The texts of the other responses."""
        return [response.text for response in self.responses if response.text != text]


def worth_of(responses: pd.DataFrame) -> pd.Series:
    """1 - (rank - 1) / (worst rank - 1) of each response in its ranking: 1 for the best, 0 for the
    worst; 1 where all have rank 1."""
    worst = responses["rank"].groupby(responses["ranking_id"]).transform("max")
    return 1.0 - (responses["rank"] - 1) / (worst - 1).clip(lower=1)


def held_out_prompts(responses: pd.DataFrame) -> list[Prompt]:
    """The prompts of a canonical table, in its order.

    The worth of a text is the mean of `worth_of` over its rankings.
    """
    prompts = []
    for _, rows in responses.assign(worth=worth_of(responses)).groupby("prompt_id", sort=False):
        by_text = rows.groupby("text", sort=False).agg({"worth": "mean", "response_id": "first"})
        ordered = by_text.sort_values("worth", ascending=False, kind="stable")
        first = rows.iloc[0]
        prompts.append(
            Prompt(
                str(first["prompt_id"]),
                str(first["prompt"]),
                str(first["domain"]),
                tuple(
                    Response(str(row["response_id"]), str(text), float(row["worth"]))
                    for text, row in ordered.iterrows()
                ),
            )
        )
    return prompts


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most `count` of the items, evenly spaced, in order."""
    if count >= len(items):
        return list(items)
    return [items[place * len(items) // count] for place in range(count)]
