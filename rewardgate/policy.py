"""The gate's policy: which figures are checked, against what, and how sure the gate must be."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

REPORTS = (
    "evaluation", "calibration", "stress", "probes", "adversary", "champion", "audit", "train",
    "split", "validation", "ingest",
)  # fmt: skip
"""Reports of the stages that a check may name; reports/NAME.json."""

PROCESS = "process"
"""The report on the process model, judged where `rewards.process_weight` is above 0."""

DERIVED = ("rewards", "custom")
"""Figures made by the gate itself: of the section `rewards`, and by the user's entry points."""

ITEMS = (
    "reward_granularity", "mixed_reward", "length_penalty", "repetition_penalty", "mean_margin",
    "accuracy", "edge_cases", "calibration", "domains",
)  # fmt: skip
"""The nine items that every policy must judge; a policy may add others."""

Bound = Literal["point", "lower95", "upper95"]
Comparison = Literal[">", ">=", "<", "<="]


class PolicyCheck(BaseModel):
    """One figure against its threshold.

    figure: REPORT:dotted.path; one `*` in the path stands for every key there, one row a key
        (a slice), of which `only` and `except` choose
    threshold: a number, or the figure that sets it, a `*` in which is the slice
    bound: what is compared. `point` is the estimate; `lower95` (with > and >=) and `upper95` (with
        < and <=) are the ends of its 95 % interval, so that the check passes only if the data show
        that it holds
    holm: the reverse: a slice fails only if the data show that it misses the threshold. Each
        slice is tested one-sided, H0 "the threshold is met", and Holm's method keeps the chance
        of failing any sound slice of the family below 2.5 %. A family of one fails exactly if its
        95 % interval lies wholly on the wrong side of the threshold
    min_prompts: with fewer prompts, or without an interval where `bound` or `holm` asks for one,
        the outcome is `undecided`
    severity: `block`: a failed or undecided check blocks; `warn`: it is shown
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    item: str
    title: str | None = None
    figure: Annotated[str, Field(pattern=r"^[a-z_]+:[^\s:]+$")]
    only: list[str] | None = None
    without: Annotated[list[str], Field(alias="except")] = []
    comparison: Comparison
    threshold: int | float | str
    bound: Bound = "point"
    holm: bool = False
    min_prompts: Annotated[int, Field(ge=2)] = 20
    severity: Literal["block", "warn"] = "block"
    rationale: str

    @property
    def report(self) -> str:
        return self.figure.partition(":")[0]

    @property
    def path(self) -> list[str]:
        return self.figure.partition(":")[2].split(".")

    @property
    def wants_more(self) -> bool:
        """Whether the figure must be above the threshold, and not below."""
        return self.comparison in (">", ">=")

    def takes(self, name: str) -> bool:
        """Whether the slice `name` is judged by this check."""
        return (self.only is None or name in self.only) and name not in self.without

    @model_validator(mode="after")
    def is_sound(self) -> "PolicyCheck":
        if fault := self._fault():
            raise ValueError(f"check {self.name}: {fault}")
        return self

    def _fault(self) -> str | None:
        known = [*REPORTS, PROCESS, *DERIVED]
        for figure in (self.figure, self.threshold):
            if isinstance(figure, str) and figure.partition(":")[0] not in known:
                return f"{figure!r} names none of the reports {', '.join(known)}"
        stars = self.path.count("*")
        if "*" in "".join(self.path).replace("*", "", stars) or stars > 1:
            return f"figure {self.figure}: give at most one *, and as a whole part of the path"
        if not stars and (self.only is not None or self.without or self.holm):
            return "`only`, `except` and `holm` need a * in the figure"
        if both := sorted(set(self.only or ()) & set(self.without)):
            return f"{both[0]} is in `only` and in `except`"
        wrong = {"lower95": not self.wants_more, "upper95": self.wants_more}
        if wrong.get(self.bound, False):
            side = "lower95" if self.wants_more else "upper95"
            return f"bound {self.bound} contradicts {self.comparison}; write {side} or point"
        if isinstance(self.threshold, float) and not math.isfinite(self.threshold):
            return "the threshold must be a finite number"
        if self.holm and self.bound != "point":
            return "`holm` judges by p-values of its own; leave `bound` out"
        if len(self.rationale.split()) < 5:
            return "rationale: give the reason in five words or more"
        return None


def policy_fault(checks: Sequence[PolicyCheck], items: Sequence[str]) -> str | None:
    """What is wrong with checks that are sound one by one; None if nothing is.

    items: the keys of the checklist
    """
    names = [check.name for check in checks]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        return f"checks: the name {repeated[0]} occurs twice; rename one"
    if absent := [item for item in ITEMS if item not in items]:
        return f"items: {absent[0]} is missing; the checklist's nine items must stay"
    for check in checks:
        if check.item not in items:
            return f"checks: {check.name}: item {check.item!r} is not among `items`; add its title"
    blocking = {check.item for check in checks if check.severity == "block"}
    if idle := [item for item in items if item not in blocking]:
        return f"checks: no check of severity block judges the item {idle[0]}; add one"
    for one, other in combinations(checks, 2):
        if _contradict(one, other):
            return (
                f"checks: {one.name} ({one.comparison} {one.threshold:g}) and {other.name} "
                f"({other.comparison} {other.threshold:g}) can never both hold for {one.figure}"
            )
    return None


def _contradict(one: PolicyCheck, other: PolicyCheck) -> bool:
    if one.wants_more == other.wants_more or not _overlap(one, other):
        return False
    above, below = (one, other) if one.wants_more else (other, one)
    if isinstance(above.threshold, str) or isinstance(below.threshold, str):
        return False
    both_inclusive = above.comparison == ">=" and below.comparison == "<="
    if both_inclusive:
        return above.threshold > below.threshold
    return above.threshold >= below.threshold


def _overlap(one: PolicyCheck, other: PolicyCheck) -> bool:
    """Whether some figure is judged by both."""
    if one.report != other.report or len(one.path) != len(other.path):
        return False
    for a, b in zip(one.path, other.path, strict=True):
        if a == b == "*":
            if one.only is not None and not any(other.takes(name) for name in one.only):
                return False
            if other.only is not None and not any(one.takes(name) for name in other.only):
                return False
        elif (
            (a == "*" and not one.takes(b))
            or (b == "*" and not other.takes(a))
            or (a != b and "*" not in (a, b))
        ):
            return False
    return True
