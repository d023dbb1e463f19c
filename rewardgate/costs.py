"""What a run cost, stage by stage, from the log of the stages."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardgate.errors import BLOCKED

RAN, CACHED, REFUSED, FAILED, UNFINISHED = "ran", "cached", "blocked", "failed", "unfinished"
OUTCOMES = {0: RAN, BLOCKED: REFUSED}
"""Outcome by exit code; any other is `FAILED`."""


@dataclass(frozen=True)
class StageCost:
    """One stage in one run.

    outcome: `cached`, if DVC took the result of an earlier run; `unfinished`, if it was killed or
        still runs; otherwise how its last attempt ended
    seconds, cpu_seconds: of all attempts that ended; 0.0 if there is none
    peak_mib: the most memory, resident, of one process, in MiB
    counts: what the last attempt counted
    """

    stage: str
    outcome: str
    attempts: int
    seconds: float
    cpu_seconds: float
    peak_mib: float
    counts: Mapping[str, int]


@dataclass(frozen=True)
class RunCost:
    """A run and its stages in the order of the pipeline; started: ISO 8601, UTC."""

    run: str
    started: str
    stages: tuple[StageCost, ...]

    @property
    def seconds(self) -> float:
        return sum(one.seconds for one in self.stages)

    @property
    def cpu_seconds(self) -> float:
        return sum(one.cpu_seconds for one in self.stages)

    @property
    def peak_mib(self) -> float:
        return max((one.peak_mib for one in self.stages), default=0.0)

    @property
    def cached(self) -> int:
        return sum(one.outcome == CACHED for one in self.stages)

    @property
    def outcome(self) -> str:
        """That of the stage with which it stopped."""
        return next((one.outcome for one in self.stages if one.outcome not in (RAN, CACHED)), RAN)


def run_costs(
    events: Sequence[Mapping[str, Any]], order: Callable[[Collection[str]], Sequence[str]]
) -> list[RunCost]:
    """The runs of a log, in the order in which they began.

    order: from stages that ran, these and all that lead to them, in the order of the pipeline;
        those that lead to one that ran and did not run themselves were cached
    The order is that of the lines, not of their times, so a clock that was set back changes none.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        found.setdefault(event["run"], []).append(event)
    orders: dict[frozenset[str], Sequence[str]] = {}
    runs = []
    for run, of_run in found.items():
        ran = frozenset(event["stage"] for event in of_run)
        if ran not in orders:
            orders[ran] = order(ran)
        gone = [stage for stage in dict.fromkeys(one["stage"] for one in of_run)
                if stage not in orders[ran]]  # fmt: skip
        stages = tuple(_stage_cost(stage, of_run) for stage in (*orders[ran], *gone))
        runs.append(RunCost(run, of_run[0]["time"], stages))
    return runs


def _stage_cost(stage: str, of_run: Sequence[Mapping[str, Any]]) -> StageCost:
    events = [event for event in of_run if event["stage"] == stage]
    ended = [event for event in events if event["event"] == "ended"]
    if not events:
        outcome = CACHED
    elif events[-1]["event"] != "ended":
        outcome = UNFINISHED
    else:
        outcome = OUTCOMES.get(events[-1]["exit_code"], FAILED)
    return StageCost(
        stage,
        outcome,
        sum(event["event"] == "started" for event in events),
        sum(event["seconds"] for event in ended),
        sum(event["cpu_seconds"] for event in ended),
        max((event["peak_mib"] for event in ended), default=0.0),
        ended[-1]["counts"] if ended else {},
    )
