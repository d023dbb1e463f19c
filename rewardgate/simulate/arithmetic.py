"""Small sums, bare or in a story. Wrong results are near, far off, or about other numbers."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rewardgate.simulate.lexicon import first_name
from rewardgate.simulate.task import Candidate, Task, pick, sample, upper_first, words

BARE_SHARE = 0.3


class _Sum(NamedTuple):
    left: int
    sign: str
    right: int

    @property
    def result(self) -> int:
        match self.sign:
            case "+":
                return self.left + self.right
            case "-":
                return self.left - self.right
            case "x":
                return self.left * self.right
        return self.left // self.right

    @property
    def expression(self) -> str:
        return f"{self.left} {self.sign} {self.right}"


def _add(rng: np.random.Generator) -> _Sum:
    return _Sum(int(rng.integers(12, 90)), "+", int(rng.integers(12, 90)))


def _subtract(rng: np.random.Generator) -> _Sum:
    right = int(rng.integers(6, 60))
    return _Sum(right + int(rng.integers(5, 60)), "-", right)


def _multiply(rng: np.random.Generator) -> _Sum:
    return _Sum(int(rng.integers(3, 13)), "x", int(rng.integers(4, 26)))


def _divide(rng: np.random.Generator) -> _Sum:
    right = int(rng.integers(3, 13))
    return _Sum(right * int(rng.integers(3, 20)), "/", right)


_DRAWS: dict[str, Callable[[np.random.Generator], _Sum]] = {
    "+": _add,
    "-": _subtract,
    "x": _multiply,
    "/": _divide,
}
_METHOD = {
    "+": ("add {a} and {b}", "take the sum of {a} and {b}"),
    "-": ("subtract {b} from {a}", "take {b} away from {a}"),
    "x": ("multiply {a} by {b}", "take {a} times {b}"),
    "/": ("divide {a} by {b}", "split {a} into {b} parts"),
}


class _Story(NamedTuple):
    sign: str
    text: str
    questions: tuple[str, ...]


_STORIES = (
    _Story(
        "+", "{n} has {a} {u} and gets {b} more.", ("How many {u} is that?", "How many {u} now?")
    ),
    _Story("+", "{n} counted {a} {u} in the morning and {b} at night.", ("How many {u} in all?",)),
    _Story(
        "+", "One shelf holds {a} {u}, another holds {b}.", ("How many {u} are there together?",)
    ),
    _Story("+", "On Monday {n} sold {a} {u}, on Tuesday {b}.", ("How many {u} were sold?",)),
    _Story("-", "{n} had {a} {u} and gave away {b}.", ("How many {u} are left?",)),
    _Story("-", "Of {a} {u}, {b} are broken.", ("How many {u} are fine?", "How many still work?")),
    _Story("-", "{n} needs {a} {u} and already has {b}.", ("How many {u} are missing?",)),
    _Story("-", "There were {a} {u}. Then {n} took {b}.", ("How many {u} remain?",)),
    _Story("x", "{n} packs {a} boxes with {b} {u} each.", ("How many {u} is that?",)),
    _Story("x", "There are {a} rows of {b} {u}.", ("How many {u} are there?", "Count the {u}.")),
    _Story("x", "{n} buys {b} {u} a day for {a} days.", ("How many {u} does {n} buy?",)),
    _Story("x", "Each of {a} friends brings {b} {u}.", ("How many {u} do they bring?",)),
    _Story("/", "{n} shares {a} {u} among {b} children.", ("How many {u} does each get?",)),
    _Story("/", "{a} {u} go into {b} equal bags.", ("How many {u} are in one bag?",)),
    _Story("/", "{n} spreads {a} {u} evenly over {b} tables.", ("How many {u} per table?",)),
    _Story("/", "A box of {a} {u} lasts {b} days.", ("How many {u} are used a day?",)),
)
_UNITS = words(
    "apples|pears|plums|eggs|coins|stamps|books|pencils|chairs|tickets|candles|marbles|buttons"
    "|cards|shells|bottles|cakes|rolls|flowers|bricks|lamps|keys|shirts|plates|cups|stickers|nuts"
    "|melons|photos|letters"
)
_BARE = (
    "What is {e}?",
    "Work out {e}.",
    "Compute {e}.",
    "How much is {e}?",
    "{e} = ?",
    "Please solve {e}.",
    "Tell me the result of {e}.",
)
_INTRO = ("", "", "", "Solve this. ", "A small sum: ", "Work it out: ")


def draw(rng: np.random.Generator) -> Task:
    asked = _DRAWS[pick(rng, "+-x/")](rng)
    unit, other_unit = sample(rng, _UNITS, 2)
    bare = rng.random() < BARE_SHARE
    if bare:
        prompt = pick(rng, _BARE).format(e=asked.expression)
        unit = ""
    else:
        story = pick(rng, [story for story in _STORIES if story.sign == asked.sign])
        text = f"{story.text} {pick(rng, story.questions)}"
        text = text.format(n=first_name(rng), a=asked.left, b=asked.right, u=unit)
        prompt = pick(rng, _INTRO) + text

    def worked(sum_: _Sum, value: int, noun: str = unit) -> str:
        forms = (
            "{e} = {v}, so the answer is {vn}.",
            "{m}: {e} = {v}. That makes {vn}.",
            "{e} = {v}. The answer is {vn}.",
            "If you {m}, you get {vn}.",
            "To find out, {m}. The result is {vn}.",
        )
        method = pick(rng, _METHOD[sum_.sign]).format(a=sum_.left, b=sum_.right)
        counted = f"{value} {noun}".strip()
        text = pick(rng, forms).format(e=sum_.expression, v=value, vn=counted, m=method)
        return upper_first(text)

    def brief(value: int, noun: str = unit) -> str:
        forms = ("{v}.", "{v}", "It is {v}.", "That is {v}.", "The answer is {v}.", "{v} in total.")
        return pick(rng, forms).format(v=f"{value} {noun}".strip())

    elsewhere = _DRAWS[pick(rng, "+-x/")](rng)
    same_sign = _DRAWS[asked.sign](rng)
    wrong_sign = asked._replace(sign=pick(rng, [s for s in "+-x" if s != asked.sign]))
    unfinished = pick(rng, _METHOD[asked.sign]).format(a=asked.left, b=asked.right)
    start = pick(rng, ("You have to", "Just", "The way to do it is to", "First"))
    candidates = [
        Candidate("correct_brief", brief(asked.result)),
        Candidate("correct_complete", worked(asked, asked.result)),
        Candidate("correct_complete", worked(asked, asked.result)),
        Candidate("partial", f"{start} {unfinished}."),
        Candidate("wrong", brief(_far(rng, asked.result))),
        Candidate("wrong", worked(same_sign, same_sign.result)),
        Candidate("wrong", worked(elsewhere, elsewhere.result)),
        Candidate("mixed_up", worked(asked, _near(rng, asked.result))),
        Candidate("mixed_up", worked(wrong_sign, wrong_sign.result)),
    ]
    if not bare:
        candidates += [
            Candidate("beside_the_point", brief(elsewhere.result, other_unit)),
            Candidate("off_topic", worked(elsewhere, elsewhere.result, other_unit)),
        ]
    topic = f"the sum {asked.expression}" if bare else f"counting {unit}"
    return Task(prompt, prompt, topic, candidates)


def _near(rng: np.random.Generator, value: int) -> int:
    return max(0, value + int(pick(rng, (-10, -2, -1, 1, 2, 10)))) if value > 2 else value + 1


def _far(rng: np.random.Generator, value: int) -> int:
    return value * int(pick(rng, (10, 20, 100))) + int(rng.integers(1, 10))
