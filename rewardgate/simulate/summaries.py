"""Short news items to sum up. Wrong summaries bring in strangers, turn the outcome or mix people up."""

from collections.abc import Callable

import numpy as np

from rewardgate.simulate import lexicon
from rewardgate.simulate.summary_stories import STORIES, Story
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

    def foreign(share: float) -> Slots:
        """Slots of another item, but each is kept with probability 1 - share."""
        fresh = _slots(rng, story)
        return {name: fresh[name] if rng.random() < share else slots[name] for name in slots}

    def brief(values: Slots = slots) -> str:
        return _opened(rng, pick(rng, story.brief).format(**values) + ".")

    def complete(values: Slots = slots, outcome: str = end.summed) -> str:
        head = pick(rng, story.brief).format(**values)
        return _opened(rng, f"{head}, {outcome.format(**values)}.")

    swapped = slots | {"who": slots["other"], "other": slots["who"]}
    candidates = [
        Candidate("correct_brief", brief()),
        Candidate("correct_complete", complete()),
        Candidate("correct_complete", complete()),
        Candidate("wrong", brief(foreign(0.9))),
        Candidate("wrong", complete(foreign(0.8))),
        Candidate("wrong", complete(foreign(0.8))),
        Candidate("mixed_up", complete(outcome=other_end.summed)),
        Candidate("mixed_up", complete(swapped)),
        Candidate("partial", _opened(rng, f"{upper_first(end.summed.format(**slots))}.")),
        Candidate("beside_the_point", story.sentences[-1].format(**foreign(0.4))),
    ]
    topic = f"the news from {slots['town']}"
    return Task(text, pick(rng, _PROMPTS).format(text=text), topic, candidates)


def _opened(rng: np.random.Generator, text: str) -> str:
    return upper_first(pick(rng, _OPENERS) + text)
