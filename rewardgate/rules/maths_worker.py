"""Compares answers by math-verify; one JSON request a line on stdin, one reply a line on stdout."""

import json
import logging
import os
import re
import resource
import sys
from typing import Any

from math_verify import parse, verify

MEMORY_BYTES = 2 * 1024**3
WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
FUNCTIONS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "arcsin",
        "arccos",
        "arctan",
        "log",
        "exp",
        "sqrt",
        "max",
        "min",
        "gcd",
    ]
)


def compare(wanted: str, given: str, bare: bool, seconds: int) -> dict[str, Any]:
    """bare: `given` may be a formula alone, without the signs that mark one in a text."""
    gold = parse_bare(wanted, seconds)
    if not gold:
        return {"error": f"the reference {wanted!r} is no mathematics"}
    answer = parse_bare(given, seconds) if bare else parse_text(given, seconds)
    return {"equal": bool(verify(gold, answer, timeout_seconds=seconds))}


def parse_text(text: str, seconds: int) -> list[Any]:
    return parse(text, fallback_mode="no_fallback", parsing_timeout=seconds)


def parse_bare(text: str, seconds: int) -> list[Any]:
    """As LaTeX, unless it marks its formulas itself or holds words; else as a text."""
    words = [word for word in WORD.findall(text) if word not in FUNCTIONS]
    formula = not words and "$" not in text and "\\boxed" not in text
    return (formula and parse_text(f"${text}$", seconds)) or parse_text(text, seconds)


def main() -> None:
    logging.disable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no reply
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        try:
            reply = compare(**json.loads(line))
        except (MemoryError, RecursionError):
            reply = {"equal": False}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
