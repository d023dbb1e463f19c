"""Where the steps of a response end."""

import re
from itertools import accumulate, pairwise
from typing import NamedTuple

STEP = re.compile(r" {0,3}[#>*_ ]*step\s+\d{1,3}\b", re.IGNORECASE)
NUMBER = re.compile(r" {0,3}(?:\*\*)?\d{1,3}[.)](?:\*\*)?\s")
FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")


class _Line(NamedTuple):
    """A line, or a whole fence of code; `cut` is where a step that starts here is cut off."""

    text: str
    cut: int
    blank_before: bool


def split_steps(text: str) -> list[str]:
    """The steps of a response, in order; joined they are the response again.

    The first of these that occurs twice or more makes the steps:
    1. lines that begin with "Step n", whatever marks of Markdown stand before it
    2. lines that begin with "n." or "n)" and a space
    3. paragraphs, which blank lines separate
    4. lines
    A text without any is one step. What stands before the first numbered line is a step of its own,
    and so is what follows the last one after a blank line. A fence of code (``` or ~~~) is never
    cut. White space between two steps belongs to the later one, so that a step ends with what it
    says; every step says something, unless the text is blank.
    """
    lines = _lines(text)
    starts = _starts(lines)
    cuts = [0, *(lines[at].cut for at in starts if lines[at].cut), len(text)]
    return [text[start:end] for start, end in pairwise(cuts)]


def step_ends(text: str) -> list[int]:
    """Where each step ends, as a count of the text's characters: (steps,), ascending."""
    return list(accumulate(map(len, split_steps(text))))


def _starts(lines: list[_Line]) -> list[int]:
    for marker in (STEP, NUMBER):
        marked = [at for at, line in enumerate(lines) if marker.match(line.text)]
        if len(marked) > 1:
            after = range(marked[-1] + 1, len(lines))
            return marked + [at for at in after if lines[at].blank_before][:1]
    paragraphs = [at for at, line in enumerate(lines) if line.blank_before]
    return paragraphs or list(range(len(lines)))


def _lines(text: str) -> list[_Line]:
    """The lines that are not blank, a fence of code being one."""
    lines: list[_Line] = []
    start = cut = 0
    blank = False
    fence = ""
    for raw in text.split("\n"):
        opened = FENCE.match(raw)
        if fence:
            mark = raw.strip()
            if len(mark) >= len(fence) and not mark.strip(fence[0]):
                fence = ""
            cut = start + len(raw.rstrip()) if raw.strip() else cut
        elif raw.strip():
            lines.append(_Line(raw, cut, blank and bool(lines)))
            cut, blank = start + len(raw.rstrip()), False
            fence = opened.group(1) if opened else ""
        else:
            blank = True
        start += len(raw) + 1
    return lines
