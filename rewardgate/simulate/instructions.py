"""Tasks with a format: the right things, in the form that was asked for."""

import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rewardgate.simulate.instruction_topics import TOPICS, Topic
from rewardgate.simulate.task import (
    Candidate,
    Task,
    join_and,
    pick,
    pick_other,
    sample,
    upper_first,
)

_COUNTS = {2: "two", 3: "three", 4: "four"}
_TAILS = {
    "budget": "all within a small budget",
    "weekend": "in time for the weekend",
    "patience": "with a little patience",
    "friends": "as your friends will confirm",
    "morning": "best in the morning",
    "season": "whatever the season",
    "experts": "as experts agree",
    "family": "with the whole family in mind",
    "mistake": "and you make no mistake",
    "simple": "and keep it simple",
    "always": "as always",
    "calm": "and stay calm",
}


class _Format(NamedTuple):
    name: str
    requests: tuple[str, ...]
    render: Callable[[np.random.Generator, Topic, list[str]], str]


def _sentence(topic: Topic, items: list[str], tail: str = "") -> str:
    return f"{topic.lead} {join_and(items)}{', ' + tail if tail else ''}"


_FORMATS = (
    _Format(
        "bullets",
        ("as bullet points", "as a bulleted list", "with a dash before each"),
        lambda rng, topic, items: "\n".join(f"- {item}" for item in items),
    ),
    _Format(
        "numbered",
        ("as a numbered list", "with numbers: 1, 2 and so on", "numbered"),
        lambda rng, topic, items: "\n".join(f"{i}. {item}" for i, item in enumerate(items, 1)),
    ),
    _Format(
        "commas",
        ("separated by commas only", "in one line with commas, nothing else", "comma separated"),
        lambda rng, topic, items: ", ".join(items),
    ),
    _Format(
        "sentence",
        ("in one full sentence", "as a single sentence", "in a sentence, not a list"),
        lambda rng, topic, items: _sentence(topic, items) + ".",
    ),
    _Format(
        "json",
        ("as JSON", "as a JSON object", "in JSON with the key items"),
        lambda rng, topic, items: json.dumps({"items": items}),
    ),
    _Format(
        "question",
        ("in the form of a question", "as a question to me", "as one question"),
        lambda rng, topic, items: (
            f"{pick(rng, ('Would you agree', 'Did you know', 'Have you thought'))}: "
            f"{_sentence(topic, items)}?"
        ),
    ),
    _Format(
        "table",
        ("as a table row with | between the cells", "as a Markdown table row"),
        lambda rng, topic, items: f"| {' | '.join(items)} |",
    ),
    _Format(
        "exclamation",
        ("as a slogan with an exclamation mark", "as an excited shout with an exclamation mark"),
        lambda rng, topic, items: f"{_sentence(topic, items)}!",
    ),
)
_PROMPTS = (
    "Name {n} {ask}, {format}.",
    "List {n} {ask} {format}.",
    "Give me {n} {ask} {format}.",
    "{format}, please: {n} {ask}.",
    "I need {n} {ask}, {format}.",
)
_CONTEXTS = (
    "",
    "",
    "",
    "For a school class: ",
    "For our leaflet. ",
    "I am making notes. ",
    "Quick one: ",
    "For a quiz night: ",
    "Hello. ",
)
_WORD_REQUESTS = (
    "Name {n} {ask} in a sentence that has the word '{word}' in it.",
    "Write one sentence on {n} {ask} and use the word {word}.",
    "With the word '{word}' somewhere, tell me {n} {ask} in one sentence.",
)
WORD_SHARE = 0.2


def draw(rng: np.random.Generator) -> Task:
    topic = pick(rng, TOPICS)
    count = int(rng.integers(2, 5))
    if rng.random() < WORD_SHARE:
        return _with_word(rng, topic, count)
    asked = pick(rng, _FORMATS)
    request = pick(rng, _PROMPTS).format(
        n=_COUNTS[count], ask=topic.ask, format=pick(rng, asked.requests)
    )
    prompt = pick(rng, _CONTEXTS) + upper_first(request)

    def answer(about: Topic = topic, form: _Format = asked, n: int = count) -> str:
        return form.render(rng, about, sample(rng, about.items, n))

    strangers = [pick_other(rng, TOPICS, topic) for _ in range(4)]
    wrong_count = count + 2 if count < 4 else 2
    plain = sample(rng, topic.items, count)
    candidates = [
        Candidate("correct_complete", answer()),
        Candidate("correct_complete", answer()),
        Candidate("correct_brief", answer()),
        Candidate("wrong_format", answer(form=pick_other(rng, _FORMATS, asked))),
        Candidate("wrong_format", answer(form=pick_other(rng, _FORMATS, asked))),
        Candidate("wrong_count", answer(n=wrong_count)),
        Candidate("wrong", answer(strangers[0])),
        Candidate("wrong", answer(strangers[1])),
        Candidate("off_topic", answer(strangers[2], pick_other(rng, _FORMATS, asked))),
        Candidate("off_topic", answer(strangers[3], pick_other(rng, _FORMATS, asked))),
        Candidate("partial", upper_first(f"{plain[0]}, for a start.")),
    ]
    return Task(f"{topic.ask}/{asked.name}/{count}", prompt, topic.ask, candidates)


def _with_word(rng: np.random.Generator, topic: Topic, count: int) -> Task:
    words = sorted(_TAILS)
    word = pick(rng, words)
    request = pick(rng, _WORD_REQUESTS).format(n=_COUNTS[count], ask=topic.ask, word=word)
    prompt = pick(rng, _CONTEXTS) + request

    def answer(with_word: str, about: Topic = topic) -> str:
        return _sentence(about, sample(rng, about.items, count), _TAILS[with_word]) + "."

    def other_word() -> str:
        return pick_other(rng, words, word)

    strangers = [pick_other(rng, TOPICS, topic) for _ in range(3)]
    candidates = [
        Candidate("correct_complete", answer(word)),
        Candidate("correct_complete", answer(word)),
        Candidate("correct_brief", answer(word)),
        Candidate("wrong_format", answer(other_word())),
        Candidate("wrong_format", answer(other_word())),
        Candidate("wrong", answer(word, strangers[0])),
        Candidate("wrong", answer(word, strangers[1])),
        Candidate("off_topic", answer(other_word(), strangers[2])),
    ]
    return Task(f"{topic.ask}/{word}/{count}", prompt, topic.ask, candidates)
