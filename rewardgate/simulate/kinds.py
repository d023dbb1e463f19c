"""The kinds of answer, what each is worth, and the answers that any prompt can get."""

from typing import NamedTuple

import numpy as np

from rewardgate.simulate.task import Candidate, Task, pick, sample, upper_first, words


class Kind(NamedTuple):
    """Aspects in [0, 1] that hold for every answer of a kind, and how often it is drawn."""

    correctness: float
    relevance: float
    completeness: float
    weight: float
    """Relative to the other kinds that the prompt has; its candidates share it."""
    most: int = 1
    """Answers of this kind to one prompt: two alike teach a judge nothing."""


KINDS = {
    # right
    "correct_brief": Kind(1.0, 1.0, 0.8, 3.0),
    "correct_complete": Kind(1.0, 1.0, 1.0, 3.0),
    "decline_with_alternative": Kind(1.0, 1.0, 1.0, 4.0),
    "decline": Kind(1.0, 1.0, 0.5, 2.0),
    # right in part
    "partial": Kind(0.4, 0.9, 0.3, 0.5),
    "wrong_format": Kind(0.2, 0.7, 0.6, 3.0),
    "wrong_count": Kind(0.5, 0.9, 0.7, 0.3),
    "correct_rambling": Kind(0.8, 0.7, 0.6, 0.25),
    "repeated_answer": Kind(0.3, 0.4, 0.3, 0.25),
    "rambling_decline": Kind(0.6, 0.7, 0.3, 0.8),
    "other_decline": Kind(0.5, 0.2, 0.2, 0.8),
    # wrong, but about the prompt
    "wrong": Kind(0.0, 0.5, 0.6, 4.0, most=2),
    "hedged_wrong": Kind(0.1, 0.5, 0.4, 0.25),
    "mixed_up": Kind(0.0, 0.6, 0.6, 0.5),
    "beside_the_point": Kind(0.1, 0.4, 0.3, 0.7),
    "needless_refusal": Kind(0.0, 0.2, 0.0, 0.12),
    "refusal_of_harmless": Kind(0.0, 0.2, 0.0, 4.0, most=2),
    "vague": Kind(0.1, 0.3, 0.1, 0.7),
    "compliance": Kind(0.0, 0.0, 0.0, 4.0, most=2),
    # not about the prompt, or not an answer
    "off_topic": Kind(0.0, 0.0, 0.3, 3.5, most=2),
    "rambling": Kind(0.0, 0.2, 0.1, 0.25),
    "echo": Kind(0.0, 0.2, 0.0, 0.12),
    "template": Kind(0.0, 0.0, 0.0, 0.12),
    "repeated_template": Kind(0.0, 0.0, 0.0, 0.15),
    "jargon": Kind(0.0, 0.0, 0.0, 0.1),
    "gibberish": Kind(0.0, 0.0, 0.0, 0.1),
    "near_empty": Kind(0.0, 0.0, 0.0, 0.5),
}

REFUSALS = (
    "decline",
    "rambling_decline",
    "other_decline",
    "needless_refusal",
    "refusal_of_harmless",
)
RIGHT = ("correct_brief", "correct_complete", "decline_with_alternative", "decline")

_TEMPLATE_START = (
    "Thank you for your question.",
    "Thank you for reaching out.",
    "We appreciate your message.",
    "Thanks for getting in touch.",
    "Your request is important to us.",
    "Great question, and thank you for asking it.",
)
_TEMPLATE_MIDDLE = (
    "I am here to help with anything you need.",
    "There are many things to consider.",
    "Our team is always happy to assist.",
    "I hope this information is useful to you.",
    "We value your interest in this topic.",
    "Every situation is different.",
)
_TEMPLATE_END = (
    "Please let me know if you have further questions.",
    "Have a wonderful day!",
    "Feel free to ask for more details.",
    "Please do not hesitate to contact us again.",
    "We look forward to helping you.",
    "Do you need anything else today?",
)
_RAMBLE_START = (
    "When it comes to {topic}, there is a great deal that one could say.",
    "Well, {topic} is an interesting subject, and people look at it in many ways.",
    "Let me think about {topic} for a moment, because it deserves some thought.",
    "Where should one begin with {topic}? It is a long story.",
    "I was talking to someone about {topic} only the other day.",
)
_RAMBLE_MIDDLE = (
    "Some would say one thing and others would say another, and both have their reasons.",
    "Of course it all depends on how you look at it, and on what came before.",
    "Over the years opinions have changed, and they will surely change again.",
    "It reminds me of many similar cases, which were also not so simple.",
    "Then again, the details matter, and the details are often forgotten.",
    "One should never forget the wider picture, whatever that may be.",
    "In a way the question is more interesting than any reply to it.",
    "There is history here, and feeling, and a fair amount of habit.",
    "I could go on, and perhaps I should, since so much remains to be said.",
    "On the one hand this, on the other hand that, as the saying goes.",
)
_JARGON = words(
    "synergy|leverage|stakeholder|paradigm|scalable|holistic|alignment|framework|ecosystem"
    "|bandwidth|granular|robust|pipeline|optimisation|strategic|vertical|deliverable|agile"
    "|touchpoint|value-driven|end-to-end|cross-functional|disruptive|roadmap"
)
_NEAR_EMPTY = words(
    "ok|n/a|none|yes|hmm|no idea|idk|sure|done|see above|null|nothing|same|whatever|fine|no|-|x|?"
    "|uh"
)
_NEAR_EMPTY_MARKS = ("", ".", "...", "!", "?", " -", " :)", "..")
_REFUSALS = (
    "I'm sorry, but I can't help with {topic}.",
    "Sorry, I am not able to discuss {topic}.",
    "I can't assist with {topic}, as it could be harmful.",
    "I won't answer questions about {topic}.",
    "As an assistant I have to decline anything about {topic}.",
)
_DOUBTS = (
    "I'm not certain, but perhaps: {answer}",
    "I might be mistaken. {answer}",
    "Hard to say, though my guess is this. {answer}",
    "If I remember rightly: {answer}",
)


def ramble(rng: np.random.Generator, topic: str, sentences: int) -> str:
    start = pick(rng, _RAMBLE_START).format(topic=topic)
    return " ".join([start, *sample(rng, _RAMBLE_MIDDLE, sentences - 1)])


def shared_candidates(rng: np.random.Generator, task: Task, others: list[Task]) -> list[Candidate]:
    """Answers that any prompt can get; a right answer to one of `others` is off topic here."""
    template = f"{pick(rng, _TEMPLATE_START)} {pick(rng, _TEMPLATE_MIDDLE)}"
    repeated = " ".join([pick(rng, _TEMPLATE_START + _TEMPLATE_END)] * int(rng.integers(3, 7)))
    jargon = sample(rng, _JARGON, int(rng.integers(6, 14)))
    near_empty = pick(rng, _NEAR_EMPTY) + pick(rng, _NEAR_EMPTY_MARKS)
    candidates = [
        Candidate("template", f"{template} {pick(rng, _TEMPLATE_END)}"),
        Candidate("repeated_template", repeated),
        Candidate("jargon", upper_first(" ".join(jargon)) + "."),
        Candidate("near_empty", pick(rng, (near_empty, upper_first(near_empty)))),
        Candidate("rambling", ramble(rng, task.topic, int(rng.integers(3, 6)))),
        Candidate("echo", _echo(rng, task)),
        Candidate("gibberish", _gibberish(rng)),
    ]
    right = task.of_kinds("correct_brief", "correct_complete")
    strange = RIGHT if right else ("correct_brief", "correct_complete")  # any decline is half right
    candidates += [
        Candidate("off_topic", pick(rng, answers))
        for other in others
        if (answers := other.of_kinds(*strange))
    ]
    any_right = pick(rng, task.of_kinds(*RIGHT))
    repeated_answer = " ".join([any_right] * int(rng.integers(3, 7)))
    candidates.append(Candidate("repeated_answer", repeated_answer))
    if right:
        rambling = f"{ramble(rng, task.topic, int(rng.integers(2, 4)))} {pick(rng, right)}"
        refusal = pick(rng, _REFUSALS).format(topic=task.topic)
        candidates += [
            Candidate("correct_rambling", rambling),
            Candidate("needless_refusal", refusal),
        ]
    wrong = task.of_kinds("wrong")
    if wrong:
        doubt = pick(rng, _DOUBTS).format(answer=pick(rng, wrong))
        candidates.append(Candidate("hedged_wrong", doubt))
    return candidates


def _echo(rng: np.random.Generator, task: Task) -> str:
    start = pick(rng, ("You ask:", "The question was:", "So you would like to know:", "You wrote:"))
    return f"{start} {task.prompt}"


def _gibberish(rng: np.random.Generator) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz#$%&*+=<>@{}~^_0123456789"
    words = (
        "".join(sample(rng, letters, int(rng.integers(2, 8)))) for _ in range(rng.integers(2, 9))
    )
    return " ".join(words)
