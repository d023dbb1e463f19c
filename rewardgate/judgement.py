"""Judging one check of the policy by the reports: pass, fail, undecided or not applicable."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rewardgate.intervals import Interval, holm, p_above, p_below
from rewardgate.policy import DERIVED, PolicyCheck
from rewardgate.wording import counted

ALPHA = 0.025
"""Family-wise error of `holm`, one-sided: the confidence of one side of a 95 % interval."""

PASS, FAIL, UNDECIDED, NOT_APPLICABLE = "pass", "fail", "undecided", "not applicable"

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

Reports = Mapping[str, Any]
"""The stages' reports by name, as read from JSON; None for one that does not apply, such as the
comparison with a champion where there is none."""


@dataclass(frozen=True)
class Check:
    """One row of the checklist: a figure, its interval, its threshold and the outcome.

    slice: the key that stands in the place of the figure's `*`; `what` begins with it
    judged: the number that was compared: the estimate or the bound that the policy names
    p: Holm-adjusted p-value of missing the threshold, where the policy asks for it
    evidence: the file and the key that the figure came from
    note: why it is undecided or not applicable
    """

    name: str
    slice: str | None
    what: str
    value: float | None
    low: float | None
    high: float | None
    prompts: int | None
    bound: str
    holm: bool
    comparison: str
    threshold: float | None
    judged: float | None
    p: float | None
    severity: str
    outcome: str
    note: str | None
    evidence: str
    rationale: str

    @property
    def passed(self) -> bool:
        return self.outcome == PASS

    @property
    def blocks(self) -> bool:
        return self.severity == "block" and self.outcome in (FAIL, UNDECIDED)


def judge_check(check: PolicyCheck, reports: Reports) -> list[Check]:
    """The rows of one check: one, or one a slice where its figure has a `*`.

    An empty `only` asks for nothing and gives none.
    """
    if check.only == []:
        return []
    if reports.get(check.report) is None:
        why = "there is no champion to compare with" if check.report == "champion" else None
        outcome = NOT_APPLICABLE if why else UNDECIDED
        return [_row(check, None, None, outcome, why or f"there is no report {check.report}")]
    rows = [
        _judged(_row(check, name, value, UNDECIDED, None), check, name, reports)
        for name, value in figures(check, reports[check.report])
    ]
    return _by_holm(rows) if check.holm else rows


def figures(check: PolicyCheck, report: Any) -> Iterator[tuple[str | None, Any]]:
    """Slice and value of each figure that the check names; the value of a missing one is None.

    Without a `*` the slice is None. Where no slice is found there is one row without a value.
    """
    if "*" not in check.path:
        yield None, look_up(report, check.path)
        return
    star = check.path.index("*")
    found = look_up(report, check.path[:star])
    names = [name for name in found if check.takes(name)] if isinstance(found, dict) else []
    names += [name for name in check.only or () if name not in names]
    for name in names:
        yield name, look_up(report, [*check.path[:star], name, *check.path[star + 1 :]])
    if not names:
        yield None, None


def look_up(report: Any, path: Sequence[str]) -> Any:
    """The value at a path; None where the path ends early."""
    for key in path:
        report = report.get(key) if isinstance(report, dict) else None
    return report


def as_interval(value: Any) -> Interval | None:
    """A figure of a report, an interval or a plain number; None if it is neither."""
    if isinstance(value, dict) and isinstance(value.get("estimate"), int | float):
        low, high = value.get("low"), value.get("high")
        prompts, pairs = value.get("prompts", 0), value.get("pairs", 0)
        return Interval(value["estimate"], low, high, prompts, pairs)
    return Interval(value, None, None, 0, 0) if isinstance(value, int | float) else None


def _row(check: PolicyCheck, name: str | None, value: Any, outcome: str, note: str | None) -> Check:
    figure = as_interval(value)
    words = check.title or check.name
    path = ".".join(name if key == "*" and name is not None else key for key in check.path)
    place = f"reports/{check.report}.json:{path}"
    if check.report in DERIVED:
        place = f"{'params.yaml:' if check.report == 'rewards' else ''}{check.report}:{path}"
    return Check(
        name=check.name,
        slice=name,
        what=f"{name}: {words}" if name is not None else words,
        value=figure.estimate if figure else None,
        low=figure.low if figure else None,
        high=figure.high if figure else None,
        prompts=(figure.prompts or None) if figure else None,
        bound=check.bound,
        holm=check.holm,
        comparison=check.comparison,
        threshold=None if isinstance(check.threshold, str) else check.threshold,
        judged=None,
        p=None,
        severity=check.severity,
        outcome=outcome,
        note=note,
        evidence=place,
        rationale=check.rationale,
    )


def _judged(row: Check, check: PolicyCheck, name: str | None, reports: Reports) -> Check:
    threshold = _threshold(check, name, reports)
    judged = {"point": row.value, "lower95": row.low, "upper95": row.high}[check.bound]
    row = replace(row, threshold=threshold, judged=judged)
    note = None
    if row.value is None:
        note = "the figure is missing"
    elif threshold is None:
        note = f"its threshold {check.threshold} is missing"
    elif row.prompts is not None and row.prompts < check.min_prompts:
        note = f"only {counted(row.prompts, 'prompt')}, and {check.min_prompts} are needed"
    elif judged is None or (check.holm and row.low is None):
        note = "the figure has no interval"
    if note is not None or judged is None or threshold is None:
        return replace(row, note=note)
    if check.holm:
        figure = Interval(judged, row.low, row.high, row.prompts or 0, 0)
        p = (p_below if check.wants_more else p_above)(figure, threshold)
        return replace(row, p=p)
    holds = COMPARISONS[check.comparison](judged, threshold)
    return replace(row, outcome=PASS if holds else FAIL)


def _threshold(check: PolicyCheck, name: str | None, reports: Reports) -> float | None:
    if not isinstance(check.threshold, str):
        return check.threshold
    report, _, path = check.threshold.partition(":")
    keys = [name if key == "*" and name is not None else key for key in path.split(".")]
    figure = as_interval(look_up(reports.get(report), keys))
    return figure.estimate if figure else None


def _by_holm(rows: list[Check]) -> list[Check]:
    family = [place for place, row in enumerate(rows) if row.p is not None]
    adjusted = holm([rows[place].p or 0.0 for place in family])
    for place, p in zip(family, adjusted.tolist(), strict=True):
        rows[place] = replace(rows[place], p=p, outcome=FAIL if p < ALPHA else PASS)
    return rows
