"""A user's own figures: functions behind the entry point group `rewardgate.figures`."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import entry_points
from typing import Any

import pandas as pd

from rewardgate.errors import RewardGateError
from rewardgate.intervals import Interval

GROUP = "rewardgate.figures"

Function = Callable[[Mapping[str, Any], pd.DataFrame], Mapping[str, Interval | float]]
"""From the stages' reports by name and the scored test table (canonical, with `score`) to
figures by name."""


def load_functions() -> dict[str, Function]:
    """The installed functions by the name of their entry point.

    Raises RewardGateError if one cannot be imported or is no function.
    """
    functions: dict[str, Function] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        place = f"entry point {entry.name} ({entry.value}) of {GROUP}"
        if entry.name in functions:
            raise RewardGateError(f"{place}: the name occurs twice; uninstall or rename one")
        try:
            function = entry.load()
        except Exception as error:
            raise RewardGateError(f"{place}: cannot be imported ({_told(error)})") from None
        if not callable(function):
            raise RewardGateError(f"{place}: is no function; name one that returns figures")
        functions[entry.name] = function
    return functions


def custom_figures(reports: Mapping[str, Any], test: pd.DataFrame) -> dict[str, Any]:
    """The report `custom:`, the figures of all installed functions.

    Raises RewardGateError if one fails, returns something else or repeats a name.
    """
    found: dict[str, Any] = {}
    for name, function in load_functions().items():
        place = f"entry point {name} of {GROUP}"
        try:
            figures = dict(function(reports, test.copy()))
        except Exception as error:
            raise RewardGateError(f"{place}: failed with {_told(error)}") from None
        for key, value in figures.items():
            if key in found:
                raise RewardGateError(f"{place}: the figure {key} is already taken; rename it")
            found[key] = _figure(value, f"{place}: figure {key}")
    return found


def _figure(value: Any, place: str) -> Any:
    if isinstance(value, Interval):
        numbers = [value.estimate, *(one for one in (value.low, value.high) if one is not None)]
    else:
        numbers = [value]
    try:
        finite = all(math.isfinite(number) for number in numbers)
    except TypeError:
        raise RewardGateError(f"{place}: must be an Interval or a number, not {value!r}") from None
    if not finite:
        raise RewardGateError(f"{place}: is not finite")
    return asdict(value) if isinstance(value, Interval) else float(value)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
