"""Chains of small sums, solved step by step; the first error of a solution is planted and known."""

from collections.abc import Callable, Iterator
from operator import add, mul, sub
from typing import Any, NamedTuple

import numpy as np

from rewardgate.settings import SimulateSteps
from rewardgate.simulate.lexicon import first_name
from rewardgate.simulate.task import join_and, pick, pick_other, words

LARGEST = 60
"""No total is larger: a small model can learn the sums."""

SIGNS: dict[str, Callable[[int, int], int]] = {"+": add, "-": sub, "x": mul}
EVENTS = {
    "+": words("gets {k}|finds {k}|buys {k}|wins {k}|is given {k}"),
    "-": words("loses {k}|sells {k}|gives {k} away|breaks {k}|lends {k}"),
    "x": words("makes it {k} times as many|comes to have {k} times as many"),
}
UNITS = words(
    "apples|pears|plums|eggs|coins|stamps|books|pencils|tickets|candles|marbles|buttons|cards"
    "|shells|bottles|cakes|rolls|flowers|bricks|lamps|keys|shirts|plates|cups|stickers|nuts"
)
QUESTIONS = words("How many {u} are there then?|How many {u} now?|Count the {u} of {n}.")
STYLES = (
    ("We start with {t}.", "{e}.", "The answer is {t}."),
    ("At first {t}.", "Now {e}.", "That makes {t}."),
    ("Start: {t}.", "So {e}.", "It is {t}."),
)
"""How a start, an operation with its equation, and an answer are put."""


class Operation(NamedTuple):
    sign: str
    number: int

    def on(self, total: int) -> int:
        return SIGNS[self.sign](total, self.number)


class Problem(NamedTuple):
    """style: of its solutions, a position in STYLES"""

    prompt: str
    start: int
    operations: list[Operation]
    style: int


def simulate_solutions(settings: SimulateSteps, seed: int) -> Iterator[dict[str, Any]]:
    """Records {prompt, steps: [{text, label}]}: of each problem a right solution and wrong ones.

    A wrong one has one planted error, at each step with the same chance: a wrong result, near or
    far off, a wrong sign, another number of the story, or an older total. What follows is reckoned
    rightly from the wrong total; all of it is labelled -1. The solutions of a problem are worded
    alike, so that they differ in what is wrong alone.
    """
    rng = np.random.default_rng(seed)
    seen: set[str] = set()
    while len(seen) < settings.problems:
        problem = _problem(rng)
        if problem.prompt in seen:
            continue
        seen.add(problem.prompt)
        low, high = settings.wrong
        wrong = int(rng.integers(low, high + 1))
        solutions = [_steps(rng, problem, error=None)]
        while len(solutions) <= wrong:
            steps = _steps(rng, problem, error=int(rng.integers(len(problem.operations) + 2)))
            if steps not in solutions:
                solutions.append(steps)
        yield from ({"prompt": problem.prompt, "steps": steps} for steps in solutions)


def _problem(rng: np.random.Generator) -> Problem:
    start = int(rng.integers(3, 21))
    operations: list[Operation] = []
    total = start
    for _ in range(int(rng.integers(2, 4))):
        possible = [Operation("+", k) for k in range(2, 10) if total + k <= LARGEST]
        possible += [Operation("-", k) for k in range(2, 10) if total - k >= 2]
        if total * 3 <= LARGEST and all(one.sign != "x" for one in operations):
            possible += [Operation("x", k) for k in (2, 3)] * 2
        operations.append(pick(rng, possible))
        total = operations[-1].on(total)
    name = first_name(rng)
    told = join_and([pick(rng, EVENTS[o.sign]).format(k=o.number) for o in operations])
    story = f"{name} has {start} {{u}}. {name} {told}. {pick(rng, QUESTIONS)}"
    prompt = story.format(n=name, u=pick(rng, UNITS))
    return Problem(prompt, start, operations, int(rng.integers(len(STYLES))))


def _steps(rng: np.random.Generator, problem: Problem, error: int | None) -> list[dict[str, Any]]:
    """Steps of one solution: the start, each operation, the answer; step `error` is wrong."""
    opening, middle, closing = STYLES[problem.style]
    numbers = [problem.start, *(one.number for one in problem.operations)]
    total = problem.start
    if error == 0:
        total = pick_other(rng, [*numbers[1:], total + 1, total + 10], total)
    texts = [opening.format(t=total)]
    history = [total]
    for at, operation in enumerate(problem.operations, start=1):
        said = _Said(total, *operation, operation.on(total))
        if error == at:
            said = _mistake(rng, said, numbers, history)
        equation = f"{said.before} {said.sign} {said.number} = {said.total}"
        texts.append(middle.format(e=equation))
        total = said.total
        history.append(total)
    if error == len(texts):
        total = pick_other(rng, [*history[:-1], total + 1, total + 10, total - 1], total)
    texts.append(closing.format(t=total))
    wrong_from = len(texts) if error is None else error
    return [{"text": t, "label": 1 if at < wrong_from else -1} for at, t in enumerate(texts)]


class _Said(NamedTuple):
    """What a step says of one operation."""

    before: int
    sign: str
    number: int
    total: int


def _mistake(
    rng: np.random.Generator, right: _Said, numbers: list[int], history: list[int]
) -> _Said:
    """A wrong step in the place of a right one; its total is wrong too."""
    while True:
        before, sign, number, total = right
        kind = pick(rng, ("near", "far", "sign", "number", "older"))
        if kind == "near":
            return right._replace(total=total + pick(rng, (-10, -2, -1, 1, 2, 10)))
        if kind == "far":
            return right._replace(total=total + pick(rng, (30, 50, 100, 200)))
        if kind == "sign":
            sign = pick_other(rng, "+-x", sign)
        elif kind == "number":
            number = pick(rng, numbers)
        else:
            before = pick(rng, history)
        if SIGNS[sign](before, number) != total:
            return _Said(before, sign, number, SIGNS[sign](before, number))
