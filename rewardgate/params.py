"""Changing params.yaml from the command line, comments kept."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from rewardgate.errors import RewardGateError
from rewardgate.files import atomic_path
from rewardgate.settings import load_settings


def change_params(path: str | Path, changes: Sequence[str]) -> None:
    """Apply KEY=VALUE changes; a key is dotted, a value is YAML.

    In a list of named entries the name stands for the place: gate.checks.accuracy.threshold=0.7.
    The file is replaced only if the result is valid.
    Raises RewardGateError if a key does not exist or a value does not fit.
    """
    yaml = _round_trip()
    document = yaml.load(Path(path).read_text(encoding="utf-8"))
    for change in changes:
        key, separator, value = change.partition("=")
        if not separator:
            raise RewardGateError(f"--set {change}: write it as KEY=VALUE")
        *parents, last = key.split(".")
        section = document
        for parent in parents:
            section = _entry(section, parent)
        if not isinstance(section, dict) or last not in section:
            raise RewardGateError(f"--set {change}: params.yaml has no key {key}")
        try:
            section[last] = yaml.load(io.StringIO(value))
        except YAMLError:
            raise RewardGateError(f"--set {change}: the value is not YAML") from None
    with atomic_path(path) as temporary:
        yaml.dump(document, temporary)
        load_settings(temporary)


def _entry(section: Any, key: str) -> Any:
    """The value of a key, or the entry of that name in a list; None if there is none."""
    if isinstance(section, list):
        named = (one for one in section if isinstance(one, dict) and one.get("name") == key)
        return next(named, None)
    return section.get(key) if isinstance(section, dict) else None


def _round_trip() -> YAML:
    """A YAML reader and writer that leaves every line it need not change as it was."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None),
        lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null"),
    )
    return yaml
