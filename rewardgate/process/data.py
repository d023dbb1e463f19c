"""Solutions whose steps are labelled: files of them, and their split by prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rewardgate.errors import RewardGateError
from rewardgate.normalise import stored_form
from rewardgate.readers import EXTENSIONS, Fault, extension_of, read_rows
from rewardgate.settings import Split
from rewardgate.splits import SPLITS, homes_of

SEPARATOR = "\n"
"""Between two steps, where they are read as one response."""

LABELS = (-1, 0, 1)


@dataclass(frozen=True)
class Solution:
    """A prompt and the steps of one solution.

    labels: as in PRM800K, 1 right, 0 neutral (neither wrong nor a help), -1 wrong, one a step; what
    stands after the first -1 is not read
    """

    prompt: str
    steps: list[str]
    labels: list[int]

    def as_record(self) -> dict[str, Any]:
        """The solution as a record that `read_solutions` reads."""
        steps = zip(self.steps, self.labels, strict=True)
        return {"prompt": self.prompt, "steps": [{"text": t, "label": one} for t, one in steps]}

    @property
    def first_error(self) -> int | None:
        """Position of the first wrong step, from 0; None if there is none."""
        return self.labels.index(-1) if -1 in self.labels else None

    @property
    def read(self) -> list[int]:
        """The labels up to the first error."""
        first = self.first_error
        return self.labels if first is None else self.labels[: first + 1]

    @property
    def response(self) -> str:
        return SEPARATOR.join(self.steps)

    @property
    def ends(self) -> list[int]:
        """Where each step ends in the response, in characters."""
        lengths = np.array([len(step) for step in self.steps])
        return (lengths.cumsum() + len(SEPARATOR) * np.arange(len(lengths))).tolist()


@dataclass(frozen=True)
class Solutions:
    """solutions: of all files, in order; skipped: records of PRM800K without a labelled step"""

    solutions: list[Solution]
    skipped: int


def read_solutions(path: str | Path) -> Solutions:
    """Read a file, or all files of a folder in order of their names.

    A record has one of three forms:
    - {prompt, steps: [{text, label}]}
    - PRM800K as released (Lightman et al. 2023): {question: {problem}, label: {finish_reason,
      steps: [{completions: [{text, rating}], human_completion, chosen_completion}]}}. The
      trajectory that the labeller followed is read, to its end or to the first step without a
      rating; where none was chosen, the first completion ends it. Bad problems are skipped.
    - ProcessBench (Zheng et al. 2024): {problem, steps: [text], label}, label being the first error
    Other keys are not read. Raises RewardGateError naming file, line, place and mend.
    """
    path = Path(path)
    if not path.exists():
        raise RewardGateError(f"{path}: no such file or folder; mend process.inputs")
    files = [path] if path.is_file() else sorted(f for f in path.iterdir() if extension_of(f))
    if not files:
        raise RewardGateError(
            f"{path}: no file of labelled steps in this folder; put files there that end in "
            f"{', '.join(EXTENSIONS)}, or mend process.inputs"
        )
    found = [_solution(file, row) for file in files for row in read_rows(file)]
    solutions = [one for one in found if one is not None]
    return Solutions(solutions, len(found) - len(solutions))


def _solution(file: Path, row: Any) -> Solution | None:
    place = f"{file}: line {row.line}"
    if isinstance(row, Fault):
        raise RewardGateError(f"{place}: {row.reason}; mend or remove the line")
    record = row.value
    try:
        if "question" in record:
            return _prm800k(record)
        if "problem" in record:
            return _process_bench(record)
        return _plain(record)
    except _WrongError as error:
        raise RewardGateError(f"{place}: {error}") from None


class _WrongError(Exception):
    """A place in a record, its fault and the mend."""


def _plain(record: dict[str, Any]) -> Solution:
    prompt = _text(record, "prompt", "prompt")
    steps = _list(record, "steps", "steps")
    texts = [_text(step, "text", f"steps[{at}].text") for at, step in enumerate(steps)]
    labels = [_label(step.get("label"), f"steps[{at}].label") for at, step in enumerate(steps)]
    return Solution(prompt, texts, labels)


def _process_bench(record: dict[str, Any]) -> Solution:
    prompt = _text(record, "problem", "problem")
    steps = _list(record, "steps", "steps")
    texts = [_text({"text": step}, "text", f"steps[{at}]") for at, step in enumerate(steps)]
    first = record.get("label")
    if type(first) is not int or not -1 <= first < len(steps):
        raise _WrongError(
            f"label: must be the position of the first wrong step, or -1, and is {first!r}"
        )
    right = len(steps) if first == -1 else first
    return Solution(prompt, texts, [1] * right + [-1] * (len(steps) - right))


def _prm800k(record: dict[str, Any]) -> Solution | None:
    prompt = _text(record["question"], "problem", "question.problem")
    label = record.get("label")
    if not isinstance(label, dict):
        raise _WrongError("label: must be an object with `steps`; give it one")
    if label.get("finish_reason") == "bad_problem":
        return None
    texts: list[str] = []
    labels: list[int] = []
    for at, step in enumerate(_list(label, "steps", "label.steps", may_be_empty=True)):
        place = f"label.steps[{at}]"
        if not isinstance(step, dict):
            raise _WrongError(f"{place}: must be an object; give it completions")
        chosen, human = step.get("chosen_completion"), step.get("human_completion")
        if chosen is None and human is not None:
            written = human if isinstance(human, dict) else {"text": human}
            texts.append(_text(written, "text", f"{place}.human_completion"))
            labels.append(1)
            continue
        completions = _list(step, "completions", f"{place}.completions")
        if chosen is not None and (type(chosen) is not int or not 0 <= chosen < len(completions)):
            raise _WrongError(f"{place}.chosen_completion: {chosen!r} is no place in completions")
        place = f"{place}.completions[{chosen or 0}]"
        one = completions[chosen or 0]
        if not isinstance(one, dict):
            raise _WrongError(f"{place}: must be an object with text and rating")
        if one.get("rating") is None:
            break
        texts.append(_text(one, "text", f"{place}.text"))
        labels.append(_label(one["rating"], f"{place}.rating"))
        if chosen is None:
            break
    return Solution(prompt, texts, labels) if texts else None


def _text(record: Any, key: str, place: str) -> str:
    value = record.get(key) if isinstance(record, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise _WrongError(f"{place}: must be a text that is not blank; give it one")
    return stored_form(value)


def _list(record: dict[str, Any], key: str, place: str, may_be_empty: bool = False) -> list[Any]:
    value = record.get(key)
    if not isinstance(value, list) or not (value or may_be_empty):
        raise _WrongError(f"{place}: must be a list with at least one step; give it one")
    return value


def _label(value: Any, place: str) -> int:
    if type(value) is not int or value not in LABELS:
        raise _WrongError(f"{place}: must be -1, 0 or 1 and is {value!r}")
    return value


def split_solutions(
    solutions: Sequence[Solution], settings: Split
) -> tuple[dict[str, list[Solution]], int]:
    """The solutions of each split, all to one prompt in one of them, and how many are excluded.

    Homes and near-duplicates are those of `splits.split`. Raises RewardGateError if a split comes
    out empty.
    """
    homes = homes_of([one.prompt for one in solutions], settings)
    splits: dict[str, list[Solution]] = {name: [] for name in SPLITS}
    for solution, home in zip(solutions, homes, strict=True):
        if home is not None:
            splits[home].append(solution)
    if empty := [name for name, members in splits.items() if not members]:
        raise RewardGateError(
            f"process: no solution for {', '.join(empty)} from {len(solutions)} solutions; add "
            "prompts to process.inputs or raise split.shares there"
        )
    return splits, homes.count(None)
