"""Functions of installed packages, found by their entry points."""

from collections.abc import Callable, Collection
from importlib.metadata import entry_points
from typing import Any

from rewardgate.errors import RewardGateError


def load_functions(group: str, taken: Collection[str] = ()) -> dict[str, Callable[..., Any]]:
    """The installed functions of a group by the name of their entry point.

    taken: names that are not free
    Raises RewardGateError if one cannot be imported, is no function or takes the name of another.
    """
    functions: dict[str, Callable[..., Any]] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: (entry.name, entry.value)):
        place = f"entry point {entry.name} ({entry.value}) of {group}"
        if entry.name in functions or entry.name in taken:
            raise RewardGateError(f"{place}: the name is already taken; uninstall or rename one")
        try:
            function = entry.load()
        except Exception as error:
            raise RewardGateError(f"{place}: cannot be imported ({told(error)})") from None
        if not callable(function):
            raise RewardGateError(f"{place}: is no function; name one")
        functions[entry.name] = function
    return functions


def told(error: Exception) -> str:
    """A foreign error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
