"""Questions on a short note with invented names, and some on common knowledge."""

from typing import NamedTuple

import numpy as np

from rewardgate.simulate.common_facts import RELATIONS
from rewardgate.simulate.fact_attributes import Attribute, Frame
from rewardgate.simulate.fact_people import PEOPLE
from rewardgate.simulate.fact_things import THINGS
from rewardgate.simulate.task import Candidate, Task, pick, pick_other, sample, upper_first

COMMON_SHARE = 0.25

_LAYOUTS = (
    "{note} {question}",
    "{question} {note}",
    "Note: {note} Question: {question}",
    "Read the note and answer. {note} {question}",
    "From my notes: {note} {question}",
)
_FRAMES_OF_ANSWER = (
    "{answer}",
    "{answer}",
    "{answer}",
    "According to the note, {answer}",
    "The note says: {answer}",
    "As far as I can see, {answer}",
)


def draw(rng: np.random.Generator) -> Task:
    return _common(rng) if rng.random() < COMMON_SHARE else _note(rng)


def _common(rng: np.random.Generator) -> Task:
    relation = pick(rng, RELATIONS)
    subject, right = pick(rng, relation.pairs)
    objects = sorted({other for _, other in relation.pairs})

    def brief(value: str) -> str:
        return upper_first(pick(rng, relation.brief).format(s=subject, o=value))

    def complete(value: str) -> str:
        return upper_first(pick(rng, relation.complete).format(s=subject, o=value))

    wrong = [pick_other(rng, objects, right) for _ in range(3)]
    stranger, its_right = next(
        pair for pair in sample(rng, relation.pairs, len(relation.pairs)) if pair[0] != subject
    )
    beside = pick(rng, relation.complete).format(s=stranger, o=its_right)
    return Task(
        key=f"{relation.name}/{subject}",
        prompt=upper_first(pick(rng, relation.questions).format(s=subject)),
        topic=relation.topic.format(s=subject),
        candidates=[
            Candidate("correct_brief", brief(right)),
            Candidate("correct_complete", complete(right)),
            Candidate("wrong", brief(wrong[0])),
            Candidate("wrong", complete(wrong[1])),
            Candidate("wrong", complete(wrong[2])),
            Candidate("beside_the_point", upper_first(beside)),
        ],
    )


class _Line(NamedTuple):
    attribute: Attribute
    value: str


def _note(rng: np.random.Generator) -> Task:
    frame: Frame = pick(rng, PEOPLE + THINGS)
    subject = frame.subject(rng)
    pronoun = frame.pronoun.format(first=subject.split()[0])
    asked, *others = (
        _Line(attribute, attribute.value(rng)) for attribute in sample(rng, frame.attributes, 3)
    )
    lines = sample(rng, [asked, *others], 3)
    facts = [pick(rng, line.attribute.statements).format(v=line.value) for line in lines]
    note = f"{upper_first(subject)} {facts[0]}. {pronoun} {facts[1]} and {facts[2]}."
    question = pick(rng, asked.attribute.questions).format(s=subject)

    def foreign(line: _Line) -> str:
        while (value := line.attribute.value(rng)) in {asked.value, *(o.value for o in others)}:
            pass
        return value

    def brief(line: _Line, value: str) -> str:
        return _framed(rng, pick(rng, line.attribute.brief).format(v=value))

    def complete(line: _Line, value: str, name: str = subject) -> str:
        statement = pick(rng, line.attribute.statements).format(v=value)
        return _framed(rng, f"{name} {statement}.")

    def longer(value: str, extra: _Line) -> str:
        first = pick(rng, asked.attribute.statements).format(v=value)
        second = pick(rng, extra.attribute.statements).format(v=extra.value)
        return upper_first(f"{subject} {first}. {pronoun} also {second}.")

    candidates = [
        Candidate("correct_brief", brief(asked, asked.value)),
        Candidate("correct_complete", complete(asked, asked.value)),
        Candidate("correct_complete", longer(asked.value, others[0])),
        Candidate("wrong", brief(asked, foreign(asked))),
        Candidate("wrong", complete(asked, foreign(asked))),
        Candidate("wrong", longer(foreign(asked), _Line(others[1].attribute, foreign(others[1])))),
        Candidate("beside_the_point", brief(others[0], others[0].value)),
        Candidate("beside_the_point", complete(others[1], others[1].value)),
        Candidate("off_topic", complete(asked, foreign(asked), frame.subject(rng))),
    ]
    candidates += [
        Candidate("mixed_up", complete(asked, other.value))
        for other in others
        if other.attribute.type == asked.attribute.type
    ]
    layout = pick(rng, _LAYOUTS)
    return Task(
        f"{subject}/{note}", layout.format(note=note, question=question), subject, candidates
    )


def _framed(rng: np.random.Generator, answer: str) -> str:
    return upper_first(pick(rng, _FRAMES_OF_ANSWER).format(answer=answer))
