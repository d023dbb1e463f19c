import json
from pathlib import Path
from typing import Any

import pytest

from rewardgate.errors import RewardGateError
from rewardgate.process.data import Solution, read_solutions, split_solutions
from rewardgate.settings import Shares, Split

SPLIT = Split(
    key="k",
    shares=Shares(train=0.4, eval=0.2, calibration=0.2, test=0.2),
    near_duplicate_similarity=0.7,
    shingle_chars=5,
    permutations=128,
)
STEPS = [
    {"text": "1 + 1 = 2", "label": 1},
    {"text": "hm", "label": 0},
    {"text": "so 3", "label": -1},
]
PRM800K = {
    "labeler": "a",
    "question": {"problem": "How many?", "ground_truth_answer": "2"},
    "label": {
        "steps": [
            {
                "completions": [
                    {"text": "wrong way", "rating": -1, "flagged": None},
                    {"text": "one way", "rating": 0, "flagged": None},
                ],
                "human_completion": None,
                "chosen_completion": 1,
            },
            {
                "completions": [{"text": "no", "rating": -1}],
                "human_completion": "a person's step",
                "chosen_completion": None,
            },
            {
                "completions": [{"text": "so 3", "rating": -1}, {"text": "so 2", "rating": 1}],
                "human_completion": None,
                "chosen_completion": None,
            },
        ],
        "finish_reason": "found_error",
    },
}


def write(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_the_three_forms_are_read(tmp_path: Path) -> None:
    bench = {"id": "x", "problem": "How many?", "steps": ["a", "b", "c"], "label": 1}
    bad = {**PRM800K, "label": {"steps": [], "finish_reason": "bad_problem"}}
    write(tmp_path / "a.jsonl", {"prompt": "How many?", "steps": STEPS, "source": "here"}, bad)
    write(tmp_path / "b.jsonl", PRM800K, bench, {**bench, "label": -1})
    found = read_solutions(tmp_path)
    assert found.skipped == 1
    assert [(one.steps, one.labels) for one in found.solutions] == [
        (["1 + 1 = 2", "hm", "so 3"], [1, 0, -1]),
        (["one way", "a person's step", "so 3"], [0, 1, -1]),
        (["a", "b", "c"], [1, -1, -1]),
        (["a", "b", "c"], [1, 1, 1]),
    ]
    assert [one.first_error for one in found.solutions] == [2, 2, 1, None]
    assert {one.prompt for one in found.solutions} == {"How many?"}


def test_an_unrated_step_ends_what_is_read_of_prm800k(tmp_path: Path) -> None:
    record = json.loads(json.dumps(PRM800K))
    record["label"]["steps"][0]["completions"][1]["rating"] = None
    found = read_solutions(write(tmp_path / "a.jsonl", record, PRM800K))
    assert (len(found.solutions), found.skipped) == (1, 1)


def test_steps_end_where_they_end_in_the_response() -> None:
    solution = Solution("p", ["ab", "c", "def"], [1, 1, -1])
    assert solution.response == "ab\nc\ndef"
    assert [solution.response[:end] for end in solution.ends] == ["ab", "ab\nc", "ab\nc\ndef"]
    assert solution.read == [1, 1, -1]
    assert Solution("p", ["a", "b", "c"], [0, -1, 1]).read == [0, -1]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"steps": STEPS}, "prompt: must be a text that is not blank"),
        ({"prompt": " ", "steps": STEPS}, "prompt: must be a text that is not blank"),
        ({"prompt": "p"}, "steps: must be a list with at least one step"),
        ({"prompt": "p", "steps": []}, "steps: must be a list with at least one step"),
        ({"prompt": "p", "steps": ["a"]}, r"steps\[0\].text: must be a text"),
        ({"prompt": "p", "steps": [*STEPS, {"text": ""}]}, r"steps\[3\].text: must be a text"),
        ({"prompt": "p", "steps": [{"text": "a"}]}, r"steps\[0\].label: .* is None"),
        (
            {"prompt": "p", "steps": [{"text": "a", "label": 2}]},
            r"steps\[0\].label: must be -1, 0 or 1 and is 2",
        ),
        (
            {"prompt": "p", "steps": [{"text": "a", "label": True}]},
            r"steps\[0\].label: must be -1, 0 or 1",
        ),
        ({"problem": "p", "steps": ["a"], "label": 1}, "label: must be the position"),
        ({"question": "p"}, "question.problem: must be a text"),
        ({"question": {"problem": "p"}}, "label: must be an object"),
        (
            {"question": {"problem": "p"}, "label": {"steps": [{"chosen_completion": 0}]}},
            r"label.steps\[0\].completions: must be a list",
        ),
        (
            {"question": {"problem": "p"}, "label": {"steps": [3]}},
            r"label.steps\[0\]: must be an object",
        ),
        ([], "not a JSON object but an array"),
    ],
)
def test_a_fault_names_file_line_and_place(tmp_path: Path, record: Any, told: str) -> None:
    path = write(tmp_path / "a.jsonl", {"prompt": "p", "steps": STEPS}, record)
    with pytest.raises(RewardGateError, match=rf"a\.jsonl: line 2: {told}"):
        read_solutions(path)


def test_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(RewardGateError, match="no such file or folder; mend process"):
        read_solutions(tmp_path / "none")
    with pytest.raises(RewardGateError, match="no file of labelled steps in this folder"):
        read_solutions(tmp_path)


def test_all_solutions_to_a_prompt_are_in_one_split_and_near_duplicates_too() -> None:
    topics = ("apples", "long trains", "the moon", "old coins", "red buttons", "wooden chairs")
    prompts = [
        f"Problem {n}: tell me of {topics[n % 6]} and {n * 7} more of them" for n in range(60)
    ]
    solutions = [Solution(prompt, ["a", f"b {n}"], [1, -1]) for prompt in prompts for n in (1, 2)]
    near = [Solution(f"{prompts[0]}{mark}", ["a"], [1]) for mark in ("!", "?", "..", ";")]
    splits, excluded = split_solutions([*solutions, *near], SPLIT)
    home = {one.prompt: name for name, members in splits.items() for one in members}
    assert sum(len(members) for members in splits.values()) + excluded == len(solutions) + 4
    for name, members in splits.items():
        assert all(home[one.prompt] == name for one in members)
    assert len({home[one.prompt] for one in near if one.prompt in home}) <= 1
    again, _ = split_solutions(solutions[::-1], SPLIT)
    kept = {one.prompt: name for name, members in again.items() for one in members}
    assert all(home.get(prompt, name) == name for prompt, name in kept.items())
    with pytest.raises(RewardGateError, match="no solution for"):
        split_solutions(solutions[:2], SPLIT)
