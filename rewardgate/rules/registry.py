"""The rules by name: those below, and users' own behind the entry point group `rewardgate.rules`.

A rule is a function `(prompt, response, reference, *, options...) -> float` in [0, 1]. Its options
are keyword arguments; their annotations are checked by pydantic when the rule is bound.
"""

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import lru_cache, partial
from typing import Any, get_type_hints

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from rewardgate.entry_points import load_functions
from rewardgate.errors import RewardGateError
from rewardgate.rules import code, correctness, format, language, maths, refusal
from rewardgate.rules.rule import RuleFunction

GROUP = "rewardgate.rules"

BUILT_IN: Mapping[str, Callable[..., float]] = {
    "matches": format.matches,
    "matches_not": format.matches_not,
    "json": format.valid_json,
    "json_schema": format.follows_schema,
    "tags": format.tags,
    "headings": format.headings,
    "exact": correctness.exact,
    "reference_regex": correctness.reference_regex,
    "choice": correctness.choice,
    "maths": maths.equal,
    "code": code.share_of_tests,
    "language": language.in_language,
    "refusal": refusal.refuses_where_asked,
}


@lru_cache(maxsize=1)
def load_rules() -> Mapping[str, Callable[..., float]]:
    """All rules by name.

    Raises RewardGateError if an installed one cannot be imported, is no function or takes the name
    of another.
    """
    return {**BUILT_IN, **load_functions(GROUP, BUILT_IN)}


def bind_rule(name: str, options: Mapping[str, Any]) -> RuleFunction:
    """The rule `name` with its options checked and set.

    Raises RewardGateError if the name is unknown, or an option is unknown, missing or wrong.
    """
    rules = load_rules()
    if name not in rules:
        raise RewardGateError(f"rule {name!r} is unknown; {_meant(name, rules)}")
    function = rules[name]
    return partial(function, **_checked(name, function, options))


def _checked(
    name: str, function: Callable[..., float], options: Mapping[str, Any]
) -> dict[str, Any]:
    try:
        parameters = list(inspect.signature(function).parameters.values())[3:]
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError, ValueError) as error:
        told = " ".join(str(error).split())
        raise RewardGateError(f"rule {name}: its signature cannot be read ({told})") from None
    known = {one.name: one for one in parameters if one.kind is not one.VAR_KEYWORD}
    free = len(known) < len(parameters)
    checked: dict[str, Any] = {}
    for key, value in options.items():
        if key not in known and not free:
            meant = _meant(key, known) if known else "it takes none"
            raise RewardGateError(f"rule {name}: option {key!r} is unknown; {meant}")
        checked[key] = _check(f"rule {name}: option {key}", hints.get(key, Any), value)
    for key, parameter in known.items():
        if key not in checked and parameter.default is parameter.empty:
            raise RewardGateError(f"rule {name}: option {key!r} is missing; add it")
    return checked


def _check(place: str, hint: Any, value: Any) -> Any:
    try:
        try:
            adapter = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
        except PydanticUserError:  # a model has its own configuration
            adapter = TypeAdapter(hint)
        return adapter.validate_python(value)
    except ValidationError as error:
        fault = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise RewardGateError(f"{place}: {fault} (got {value!r})") from None


def _meant(name: str, known: Mapping[str, Any]) -> str:
    close = get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(sorted(known))}"
