"""A user's own figures: functions behind the entry point group `rewardgate.figures`."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from rewardgate.entry_points import load_functions, told
from rewardgate.errors import RewardGateError
from rewardgate.intervals import Interval

GROUP = "rewardgate.figures"

Function = Callable[[Mapping[str, Any], pd.DataFrame], Mapping[str, Interval | float]]
"""From the stages' reports by name and the scored test table (canonical, with `score`) to
figures by name."""


def custom_figures(reports: Mapping[str, Any], test: pd.DataFrame) -> dict[str, Any]:
    """The report `custom:`, the figures of all installed functions.

    Raises RewardGateError if one fails, returns something else or repeats a name.
    """
    found: dict[str, Any] = {}
    for name, function in load_functions(GROUP).items():
        place = f"entry point {name} of {GROUP}"
        try:
            figures = dict(function(reports, test.copy()))
        except Exception as error:
            raise RewardGateError(f"{place}: failed with {told(error)}") from None
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
