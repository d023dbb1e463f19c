"""Every planted error is one, and it is where the labels say."""

import re

import pytest

from rewardgate.process.simulation import simulate_solutions
from rewardgate.settings import SimulateSteps

SETTINGS = SimulateSteps(problems=150, wrong=(2, 4))
EQUATION = re.compile(r"(-?\d+) ([-+x]) (\d+) = (-?\d+)")
SUMS = {"+": int.__add__, "-": int.__sub__, "x": int.__mul__}
MEANS = {
    "+": ("gets", "finds", "buys", "wins", "is given"),
    "-": ("loses", "sells", "gives", "breaks", "lends"),
    "x": ("makes it", "comes to have"),
}


@pytest.fixture(scope="module")
def records() -> list[dict]:
    return list(simulate_solutions(SETTINGS, seed=3))


def solved(prompt: str) -> list[int]:
    """The totals of a problem, read from its text alone."""
    story = prompt.split(". ")[1]
    totals = [int(re.search(r"has (\d+)", prompt).group(1))]
    verbs = {verb: sign for sign, verbs in MEANS.items() for verb in verbs}
    for verb, number in re.findall(rf"({'|'.join(verbs)}) (\d+)", story):
        totals.append(SUMS[verbs[verb]](totals[-1], int(number)))
    return totals


def said(text: str) -> int:
    return int(re.findall(r"-?\d+", text)[-1])


def test_the_first_wrong_step_is_where_the_labels_say(records: list[dict]) -> None:
    for record in records:
        totals = solved(record["prompt"])
        assert len(record["steps"]) == len(totals) + 1
        labels = [step["label"] for step in record["steps"]]
        expected = [*totals, totals[-1]]
        right = [said(s["text"]) == t for s, t in zip(record["steps"], expected, strict=True)]
        first = labels.index(-1) if -1 in labels else len(labels)
        assert all(right[:first])
        assert first == len(labels) or not right[first]
        assert set(labels[first:]) <= {-1}


def test_after_an_error_the_sums_are_right(records: list[dict]) -> None:
    for record in records:
        labels = [step["label"] for step in record["steps"]]
        for at, step in enumerate(record["steps"]):
            if found := EQUATION.search(step["text"]):
                before, sign, number, total = found.groups()
                holds = SUMS[sign](int(before), int(number)) == int(total)
                first = at == (labels.index(-1) if -1 in labels else None)
                assert holds or first


def test_each_problem_has_a_right_solution_and_wrong_ones_anywhere(records: list[dict]) -> None:
    firsts: dict[str, list[int | None]] = {}
    for record in records:
        labels = [step["label"] for step in record["steps"]]
        firsts.setdefault(record["prompt"], []).append(labels.index(-1) if -1 in labels else None)
    assert len(firsts) == SETTINGS.problems
    assert all(one[0] is None and None not in one[1:] for one in firsts.values())
    assert {len(one) - 1 for one in firsts.values()} == {2, 3, 4}
    shares = [sum(at in one for one in firsts.values()) for at in range(4)]
    assert min(shares) > 0.7 * max(shares)
    texts = [str(record) for record in records]
    assert len(set(texts)) == len(texts)


def test_a_seed_gives_the_same_solutions(records: list[dict]) -> None:
    assert list(simulate_solutions(SETTINGS, seed=3)) == records
    assert list(simulate_solutions(SETTINGS, seed=4)) != records
