"""An extension of Griffe: the house's docstrings as Markdown.

A line `name: text` becomes an item of a list, and lines that begin with Returns or Raises become
paragraphs of their own.
"""

import re
from typing import Any

import griffe

ITEM = re.compile(r"^([a-z_]\w*(?:, [a-z_]\w*)*): (?=\S)")
PARAGRAPH = re.compile(r"^(Returns|Raises|Yields) ")


class Docstrings(griffe.Extension):
    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(docstring: str) -> str:
    """The docstring with its items as a list; what stands in one paragraph stays in one."""
    lines: list[str] = []
    in_list = False
    for line in docstring.splitlines():
        item = ITEM.match(line) if lines else None
        if item:
            lines += [*([] if in_list else [""]), f"- `{item[1]}`: {line[item.end() :]}"]
        elif line and (PARAGRAPH.match(line) or (in_list and not line.startswith(" "))):
            lines += ["", line]
        else:
            lines.append(line)
        in_list = bool(item) or (in_list and line.startswith(" "))
    return "\n".join(lines)
