"""Short news items to sum up. Wrong summaries name strangers or turn the outcome round."""

from collections.abc import Callable

import numpy as np

from rewardgate.simulate import lexicon
from rewardgate.simulate.summary_stories import STORIES, Ending, Story
from rewardgate.simulate.task import Candidate, Task, pick, sample, upper_first

_PROMPTS = (
    "Summarise in one sentence: {text}",
    "Sum this up: {text}",
    "{text} Summarise this.",
    "{text} What is the gist?",
    "Give me the short version. {text}",
    "In a few words, what happened? {text}",
    "Text: {text} Summary:",
)
_OPENERS = ("", "", "", "", "In short, ", "Summary: ", "The gist: ")

Slots = dict[str, str]

_SLOTS: dict[str, Callable[[np.random.Generator], str]] = {
    "who": lexicon.full_name,
    "other": lexicon.full_name,
    "town": lexicon.place,
    "day": lexicon.weekday,
    "number": lambda rng: str(rng.integers(3, 99)),
}


def _slots(rng: np.random.Generator, story: Story) -> Slots:
    slots = {name: value(rng) for name, value in _SLOTS.items()}
    return slots | {name: pick(rng, options) for name, options in story.slots.items()}


def draw(rng: np.random.Generator) -> Task:
    story: Story = pick(rng, STORIES)
    slots = _slots(rng, story)
    end, other_end = sample(rng, story.endings, 2)
    text = " ".join([*story.sentences, end.told]).format(**slots)

    def brief(values: Slots = slots) -> str:
        return _opened(rng, pick(rng, story.brief).format(**values) + ".")

    def complete(template: str, values: Slots = slots, ending: Ending = end) -> str:
        return _opened(rng, f"{template}, {ending.summed}.".format(**values))

    def foreign(template: str, share: float) -> Slots:
        """Slots of another item, each kept with probability 1 - share, that change the template."""
        while True:
            fresh = _slots(rng, story)
            mixed = {name: fresh[name] if rng.random() < share else slots[name] for name in slots}
            if template.format(**mixed) != template.format(**slots):
                return mixed

    heads = [pick(rng, story.brief) for _ in range(6)]
    candidates = [
        Candidate("correct_brief", brief()),
        Candidate("correct_complete", complete(heads[0])),
        Candidate("correct_complete", complete(heads[1])),
        Candidate("wrong", _opened(rng, heads[2].format(**foreign(heads[2], 0.9)) + ".")),
        Candidate("wrong", complete(heads[3], foreign(heads[3], 0.8))),
        Candidate("wrong", complete(heads[4], foreign(heads[4], 0.8))),
        Candidate("mixed_up", complete(heads[5], ending=other_end)),
        Candidate("partial", _opened(rng, end.told.format(**slots))),
        Candidate("beside_the_point", story.sentences[-1].format(**_slots(rng, story))),
    ]
    exchanged = slots | {"who": slots["other"], "other": slots["who"]}
    candidates += [
        Candidate("mixed_up", complete(head, exchanged))
        for head in story.brief
        if "{who}" in head and "{other}" in head
    ]
    topic = f"the news from {slots['town']}"
    return Task(text, pick(rng, _PROMPTS).format(text=text), topic, candidates)


def _opened(rng: np.random.Generator, text: str) -> str:
    return upper_first(pick(rng, _OPENERS) + text)
