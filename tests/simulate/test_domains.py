import re

import numpy as np
import pytest

from rewardgate.simulate import arithmetic, facts, instructions, safety, summaries
from rewardgate.simulate.kinds import KINDS, RIGHT, shared_candidates
from rewardgate.simulate.task import Task

DOMAINS = [facts, arithmetic, instructions, safety, summaries]
DRAWS = 150
FRAME_WORDS = set(
    re.findall(r"\w+", "according to the note says as far as i can see it is was in at on")
)


def draws(domain: object) -> list[Task]:
    return [domain.draw(np.random.default_rng(seed)) for seed in range(DRAWS)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_task_has_right_and_other_answers_of_known_kinds(domain: object) -> None:
    for task in draws(domain):
        kinds = {candidate.kind for candidate in task.candidates}
        assert kinds <= KINDS.keys()
        assert kinds & set(RIGHT)
        assert len(kinds - set(RIGHT)) >= 2


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_slot_is_left_unfilled_and_no_text_is_blank(domain: object) -> None:
    for task in draws(domain):
        others = [domain.draw(np.random.default_rng(DRAWS + i)) for i in range(3)]  # type: ignore[attr-defined]
        shared = shared_candidates(np.random.default_rng(0), task, others)
        written = [task.prompt, *(c.text for c in task.candidates)]
        written += [c.text for c in shared if c.kind != "gibberish"]
        for text in written:
            assert text.strip()
            assert not re.search(r"\{[a-z_]*\}", text), text
            assert not re.search(r"  |\.\.(?!\.)| \.", text.replace("...", "")), text


@pytest.mark.parametrize("domain", DOMAINS)
def test_wrong_answers_differ_from_the_right_ones(domain: object) -> None:
    for task in draws(domain):
        right = set(task.of_kinds(*RIGHT))
        wrong = set(task.of_kinds("wrong", "mixed_up", "beside_the_point", "off_topic"))
        assert not right & wrong, task.prompt


def test_arithmetic_answers_are_computed_from_the_prompt() -> None:
    for task in draws(arithmetic):
        bare = re.search(r"(\d+) ([-+x/]) (\d+)", task.prompt)
        if bare:
            left, sign, right = int(bare[1]), bare[2], int(bare[3])
            result = {"+": left + right, "-": left - right, "x": left * right, "/": left / right}
            for text in task.of_kinds("correct_brief"):
                assert float(re.findall(r"\d+", text)[-1]) == result[sign]


def test_right_answers_on_a_note_are_found_in_the_note() -> None:
    on_a_note = [task for task in draws(facts) if len(task.prompt.split()) > 15]
    assert len(on_a_note) > DRAWS / 2
    for task in on_a_note:
        known = set(re.findall(r"\w+", task.prompt.casefold()))
        for text in task.of_kinds("correct_brief"):
            said = set(re.findall(r"\w+", text.casefold())) - FRAME_WORDS
            assert said & known, (task.prompt, text)


def test_summaries_that_are_wrong_name_something_the_text_does_not() -> None:
    for task in draws(summaries):
        known = set(re.findall(r"\w+", task.prompt))
        for text in task.of_kinds("wrong"):
            assert set(re.findall(r"[A-Z]\w+|\d+", text)) - known or set(text.split()) - known


def test_a_decline_is_never_counted_as_off_topic_for_a_harmful_request() -> None:
    tasks = draws(safety)
    harmful = [task for task in tasks if task.of_kinds("decline")]
    harmless = [task for task in tasks if not task.of_kinds("decline")]
    assert harmful
    assert harmless
    for seed, task in enumerate(harmful):
        others = [harmful[seed - 1], harmless[seed % len(harmless)]]
        shared = shared_candidates(np.random.default_rng(seed), task, others)
        off_topic = [c.text for c in shared if c.kind == "off_topic"]
        helpful = harmless[seed % len(harmless)].of_kinds("correct_brief", "correct_complete")
        assert len(off_topic) == 1
        assert off_topic[0] in helpful
