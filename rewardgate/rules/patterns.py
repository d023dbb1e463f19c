"""Regular expressions from settings and data, on text of a model: searches that end."""

from functools import lru_cache
from typing import Annotated, Any

import regex
from pydantic import AfterValidator

SECONDS = 1.0
"""Wall time of one search, after which it raises TimeoutError (catastrophic backtracking)."""


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """Raises ValueError if it is no regular expression."""
    try:
        return regex.compile(pattern, regex.VERSION0)
    except regex.error as error:
        raise ValueError(f"no regular expression: {error}") from None


def _checked(pattern: str) -> str:
    compiled(pattern)
    return pattern


Pattern = Annotated[str, AfterValidator(_checked)]


def search(pattern: str, text: str) -> bool:
    return compiled(pattern).search(text, timeout=SECONDS) is not None


def full_match(pattern: str, text: str) -> bool:
    return compiled(pattern).fullmatch(text, timeout=SECONDS) is not None


def last_group(pattern: str, text: str) -> str | None:
    """Group 1 (or all, without groups) of the last match; None without a match."""
    found = None
    for found in compiled(pattern).finditer(text, timeout=SECONDS):  # noqa: B007
        pass
    if found is None:
        return None
    return found[1 if compiled(pattern).groups else 0]
