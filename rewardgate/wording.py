"""Figures and checks in words, for the report and the terminal."""

import math
import re
from collections.abc import Sequence
from typing import Any

from jinja2 import Undefined
from markupsafe import Markup, escape

NOT_MEASURED = "not measured"
COMPARED = {">": "above", ">=": "at least", "<": "below", "<=": "at most"}
MISSED = {">": "at most", ">=": "below", "<": "at least", "<=": "above"}
ENDS = {"lower95": "lower", "upper95": "upper"}
"""The end of the interval that is judged, by the bound that a check names."""
OPPOSITES = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {127: 0x2421}
BIDI_CONTROLS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)
VISIBLE = PICTURES | BIDI_CONTROLS
"""Characters that would hide or reorder a text, to ones that a reader sees."""


def is_measured(value: Any) -> bool:
    """False for None, an absent key and a float that is not finite."""
    if value is None or isinstance(value, Undefined):
        return False
    return not (isinstance(value, float) and not math.isfinite(value))


def figure(value: Any, decimals: int = 3) -> str:
    """'1,234' for a count, '0.742' for a float, 'yes', 'a, b' or the text itself."""
    if not is_measured(value):
        return NOT_MEASURED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:z,.{decimals}f}"
    if isinstance(value, list | tuple):
        return ", ".join(figure(one, decimals) for one in value) or "none"
    return str(value)


def percent(value: Any, decimals: int = 1) -> str:
    """'74.2%' for 0.742."""
    return f"{value:z.{decimals}%}" if is_measured(value) else NOT_MEASURED


def signed(value: Any, decimals: int = 2) -> str:
    """'+1.32' or '-0.41'."""
    return f"{value:+z,.{decimals}f}" if is_measured(value) else NOT_MEASURED


def counted(value: Any, noun: str) -> str:
    """'1 prompt' or '1,234 prompts'."""
    return f"{figure(value)} {noun}" + ("" if value == 1 else "s")


def breakable(key: str) -> Markup:
    """A path or dotted key that a narrow screen may break after its separators."""
    return Markup(re.sub(r"([:/._])", r"\1<wbr>", str(escape(key))))


def name(key: str) -> str:
    """'reward granularity' for 'reward_granularity'."""
    return key.replace("_", " ")


def value_and_threshold(check: dict[str, Any]) -> tuple[str, str]:
    """The number that was judged and its threshold, as they stand in a table.

    Both have as many decimals (3 to 8) as it takes to tell them apart.
    """
    judged = check["value"] if check["judged"] is None else check["judged"]
    threshold = check["threshold"]
    decimals = 3
    if isinstance(judged, float) and is_measured(judged) and isinstance(threshold, float):
        apart = (d for d in range(3, 9) if round(judged, d) != round(threshold, d))
        decimals = next(apart, 3)
    return figure(judged, decimals), figure(threshold, decimals)


def interval(check: dict[str, Any]) -> str:
    """'0.770 to 0.810', or '' for a figure without an interval."""
    if not is_measured(check["low"]) or not is_measured(check["high"]):
        return ""
    return f"{figure(check['low'])} to {figure(check['high'])}"


def required(check: dict[str, Any]) -> str:
    """'> 0.650', or 'not < 0.550' where only what is shown to miss the threshold fails."""
    threshold, comparison = value_and_threshold(check)[1], check["comparison"]
    return (
        f"not {OPPOSITES[comparison]} {threshold}" if check["holm"] else f"{comparison} {threshold}"
    )


def sentence(check: dict[str, Any]) -> str:
    """A check in words: what was measured and what it must be, or why it is undecided.

    'accuracy is 0.691 (0.641 to 0.738), its lower bound 0.641 must be above 0.650'
    """
    what, note = name(check["what"]), check["note"]
    if check["outcome"] == "not applicable":
        return f"{what} is not judged, {note}"
    value, threshold = value_and_threshold(check)
    asked = f"must be {COMPARED[check['comparison']]} {threshold}"
    if not is_measured(check["value"]):
        return f"{what} was not measured, {asked}"
    between = interval(check)
    was = f"is {figure(check['value'])} ({between})" if between else f"is {value}"
    if check["outcome"] == "undecided":
        return f"{what} {was}, undecided: {note}"
    if check["holm"]:
        shown = "is shown" if check["outcome"] == "fail" else "is not shown"
        return f"{what} {was}, which {shown} to be {MISSED[check['comparison']]} {threshold}"
    end = ENDS.get(check["bound"])
    return f"{what} {was}, " + (f"its {end} bound {value} {asked}" if end else asked)


def explain(check: dict[str, Any]) -> str:
    """A sentence with its evidence: 'accuracy is ... (reports/evaluation.json:test.accuracy)'."""
    return f"{sentence(check)} ({check['evidence']})"


def explain_slices(checks: Sequence[dict[str, Any]]) -> str:
    """Slices of one check with one outcome and one threshold in a sentence, with its evidence.

    'share in order, must be at least 0.800: empty 0.000, rambling 0.400 (reports/a.json:b.*.c)'
    """
    first = checks[0]
    if len(checks) == 1:
        return explain(first)
    comparison, threshold = first["comparison"], value_and_threshold(first)[1]
    end = ENDS.get(first["bound"])
    asked = (f"its {end} bound " if end else "") + f"must be {COMPARED[comparison]} {threshold}"
    if first["outcome"] == "undecided":
        asked += ", undecided"
    elif first["holm"]:
        asked = f"shown to be {MISSED[comparison]} {threshold}"
    title = name(first["what"].removeprefix(f"{first['slice']}: "))
    file, _, path = first["evidence"].partition(":")
    every = f".{path}.".replace(f".{first['slice']}.", ".*.", 1).strip(".")
    return f"{title}, {asked}: {', '.join(map(_slice, checks))} ({file}:{every})"


def _slice(check: dict[str, Any]) -> str:
    """'rambling 0.400 (0.300 to 0.500)', with the note that says why it is undecided."""
    value = figure(check["value"]) if interval(check) else value_and_threshold(check)[0]
    note = check["note"] if is_measured(check["value"]) else None
    aside = "; ".join(filter(None, (interval(check), note)))
    return f"{name(check['slice'])} {value}" + (f" ({aside})" if aside else "")


def passage(text: str, shown: int = 420) -> tuple[str, str]:
    """A text cut at a space into start and rest, with its control characters made visible."""
    text = text.translate(VISIBLE)
    if len(text) <= 1.3 * shown:
        return text, ""
    cut = text.rfind(" ", shown // 2, shown)
    cut = cut if cut > 0 else shown
    return text[:cut], text[cut:].lstrip(" ")
