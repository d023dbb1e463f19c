"""Rules on a response's form."""

import json
import re
from functools import lru_cache
from typing import Annotated, Any

from jsonschema import SchemaError
from jsonschema.validators import validator_for
from pydantic import AfterValidator, Field
from referencing import Registry

from rewardgate.rules.patterns import Pattern, full_match, search

FENCED = re.compile(r"\s*```\w*[ \t]*\n(.*)\n[ \t]*```\s*", re.DOTALL)
"""A response that is one fenced block."""

Names = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


def matches(
    prompt: str, response: str, reference: Any, *, pattern: Pattern, whole: bool = False
) -> float:
    """1 if the response holds a match of `pattern` (whole: is one), else 0.

    Raises TimeoutError if the search takes more than a second.
    """
    return float((full_match if whole else search)(pattern, response))


def matches_not(prompt: str, response: str, reference: Any, *, pattern: Pattern) -> float:
    """1 if the response holds no match of `pattern`, else 0.

    Raises TimeoutError if the search takes more than a second.
    """
    return float(not search(pattern, response))


def valid_json(prompt: str, response: str, reference: Any) -> float:
    """1 if the response, or the one fenced block that it is, is JSON (RFC 8259: no NaN), else 0."""
    try:
        _parse_json(response)
    except (ValueError, RecursionError):
        return 0.0
    return 1.0


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _parse_json(response: str) -> Any:
    fenced = FENCED.fullmatch(response)
    return json.loads(fenced[1] if fenced else response, parse_constant=_no_constant)


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    """Raises ValueError if the text is no JSON schema."""
    value = json.loads(schema)
    kind = validator_for(value)
    try:
        kind.check_schema(value)
    except SchemaError as error:
        raise ValueError(f"no JSON schema: {error.message}") from None
    return kind(value, registry=Registry())  # an empty registry: no reference is fetched


def _checked(schema: dict[str, Any]) -> dict[str, Any]:
    _validator(json.dumps(schema))
    return schema


Schema = Annotated[dict[str, Any], AfterValidator(_checked)]


def follows_schema(prompt: str, response: str, reference: Any, *, schema: Schema) -> float:
    """1 if the response (as in the rule `json`) is JSON that the JSON schema accepts, else 0.

    Raises an error if the schema refers to one outside itself.
    """
    try:
        value = _parse_json(response)
    except (ValueError, RecursionError):
        return 0.0
    return float(_validator(json.dumps(schema)).is_valid(value))


def tags(prompt: str, response: str, reference: Any, *, names: Names, only: bool = False) -> float:
    """Share of the required tags that are there: <name>...</name> once, not empty, in order.

    1: all of them; 0: none, or with `only` if there is text outside them.
    """
    spans: list[tuple[int, int]] = []
    for name in names:
        opening, closing = f"<{name}>", f"</{name}>"
        if response.count(opening) != 1 or response.count(closing) != 1:
            continue
        start, end = response.index(opening), response.index(closing)
        last = spans[-1][1] if spans else 0
        if last <= start and response[start + len(opening) : end].strip():
            spans.append((start, end + len(closing)))
    outside = response
    for start, end in reversed(spans):
        outside = outside[:start] + outside[end:]
    return 0.0 if only and outside.strip() else len(spans) / len(names)


def headings(prompt: str, response: str, reference: Any, *, names: Names) -> float:
    """Share of the required Markdown headings that are there, in order, each with text below it.

    1: all of them; 0: none. Letter case does not count, nor does the level.
    """
    titles: list[str] = []
    with_text: set[int] = set()
    for line in response.splitlines():
        if line.startswith("#"):
            titles.append(line.lstrip("#").strip(" #:*").casefold())
        elif line.strip():
            with_text.add(len(titles) - 1)
    found, after = 0, 0
    for name in names:
        for number in range(after, len(titles)):
            if titles[number] == name.casefold() and number in with_text:
                found, after = found + 1, number + 1
                break
    return found / len(names)
