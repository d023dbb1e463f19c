"""The parts of invented notes: subjects, and attributes that can be told and asked for."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rewardgate.simulate.lexicon import clock, colour, full_name, place, year
from rewardgate.simulate.task import pick, words

Draw = Callable[[np.random.Generator], str]


class Attribute(NamedTuple):
    type: str
    """Two attributes of one type can be mixed up with each other."""
    value: Draw
    statements: tuple[str, ...]
    """Predicates that follow the subject or its pronoun."""
    questions: tuple[str, ...]
    brief: tuple[str, ...]


class Frame(NamedTuple):
    pronoun: str
    """Stands for the subject in a second sentence; may hold {first}, the subject's first word."""
    subject: Draw
    attributes: tuple[Attribute, ...]


def attribute(type_: str, value: Draw, statements: str, questions: str, brief: str) -> Attribute:
    """Phrasings are separated by |; {v} is the value, {s} the subject."""
    return Attribute(type_, value, words(statements), words(questions), words(brief))


def one_of(options: str) -> Draw:
    return lambda rng: pick(rng, words(options))


def number(low: int, high: int, unit: str, step: int = 1) -> Draw:
    return lambda rng: f"{step * int(rng.integers(low, high + 1))} {unit}"


def numbered(noun: str, low: int, high: int) -> Draw:
    return lambda rng: f"{noun} {rng.integers(low, high + 1)}"


def named(adjectives: str, nouns: str) -> Draw:
    return lambda rng: f"the {pick(rng, words(adjectives))} {pick(rng, words(nouns))}"


def person(statements: str, did: str) -> Attribute:
    """A person who did something to the subject."""
    questions = f"Who {did} {{s}}?|Name the person who {did} {{s}}."
    return attribute(
        "person", full_name, statements, questions, "{v}.|it was {v}.|the name is {v}."
    )


def time_of(verb: str, noun: str) -> Attribute:
    """The time of day at which the subject does something."""
    return attribute(
        "clock",
        clock,
        f"{verb}s at {{v}}",
        f"When does {{s}} {verb}?|What is the {noun} of {{s}}?|At what time does {{s}} {verb}?",
        f"at {{v}}.|{{v}}.|the {noun} is {{v}}.",
    )


WHERE = attribute(
    "place",
    place,
    "is in {v}|can be found in {v}|is located in {v}",
    "Where is {s}?|In which town is {s}?|Which town is home to {s}?",
    "in {v}.|{v}.|it is in {v}.",
)
PRICE = attribute(
    "price",
    number(3, 95, "euros"),
    "costs {v}|has a price of {v}",
    "How much does {s} cost?|What is the price of {s}?|What do I pay for {s}?",
    "{v}.|it costs {v}.|the price is {v}.",
)
FOUNDED = attribute(
    "year",
    year,
    "was founded in {v}|dates from {v}",
    "When was {s} founded?|In which year was {s} founded?|How old is {s}? Give the year.",
    "in {v}.|{v}.|the year was {v}.",
)
COLOUR = attribute(
    "colour",
    colour,
    "is {v}|has a {v} colour",
    "What colour is {s}?|Which colour does {s} have?",
    "{v}.|it is {v}.|the colour is {v}.",
)
