"""The schedules of prefect.yaml, judged before they are deployed."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

import flows  # noqa: F401  (sets Prefect up)
from rewardgate.errors import RewardGateError

from prefect.server.schemas.schedules import (  # isort: skip  (after flows)
    CronSchedule,
    IntervalSchedule,
    RRuleSchedule,
)

KINDS: dict[str, type[CronSchedule | IntervalSchedule | RRuleSchedule]] = {
    "cron": CronSchedule,
    "interval": IntervalSchedule,
    "rrule": RRuleSchedule,
}
EXAMPLES = {
    "cron": "give minute, hour, day, month and weekday, as in '0 3 * * 1', Mondays at 3:00",
    "interval": "give seconds above 0, as in 600, and dates as in 2027-01-31T03:00:00Z",
    "rrule": "give a rule of RFC 5545, as in FREQ=DAILY;BYHOUR=3;BYMINUTE=0;BYSECOND=0",
}
OF_THE_RULE = ("timezone", "day_or", "anchor_date")
"""Keys of a schedule that say when it fires; others, such as `active`, are left to Prefect."""


def require_sound_schedules(path: Path, now: datetime) -> list[str]:
    """One line for each schedule of a prefect.yaml: its deployment, and when it fires next.

    Raises RewardGateError that names the schedule if one is malformed or never fires after `now`.
    """
    return [
        f"{name}: next at {next_date(schedule, now, f'{path}: {name}: schedule {number}'):%c %Z}"
        for name, number, schedule in _schedules(path)
    ]


def next_date(schedule: Any, now: datetime, place: str) -> datetime:
    """When a schedule, as it stands in prefect.yaml, fires after `now`.

    place: named in the error
    """
    kinds = [kind for kind in KINDS if kind in schedule] if isinstance(schedule, Mapping) else []
    if len(kinds) != 1:
        raise RewardGateError(f"{place}: give one of {', '.join(KINDS)}")
    (kind,) = kinds
    given = {key: schedule[key] for key in (kind, *OF_THE_RULE) if schedule.get(key) is not None}
    shown = f"{kind} {schedule[kind]!r}"
    try:
        rule = KINDS[kind].model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or kind
        fault = first["msg"].removeprefix("Value error, ").splitlines()[0]
        raise RewardGateError(f"{place}: {shown}: {key}: {fault}; {EXAMPLES[kind]}") from None
    try:
        dates = asyncio.run(rule.get_dates(n=1, start=now))
    except ValueError:  # croniter finds no day, as for February 30
        dates = []
    if not dates:
        raise RewardGateError(
            f"{place}: {shown} never fires after {now:%Y-%m-%d %H:%M}; move it into the future, or "
            "take it out and start a run with `prefect deployment run`"
        )
    return dates[0]


def _schedules(path: Path) -> Iterator[tuple[str, int, Any]]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        deployments = [(one["entrypoint"], one["name"], one) for one in content["deployments"]]
    except FileNotFoundError:
        raise RewardGateError(f"{path}: no such file; go to the project's folder") from None
    except yaml.YAMLError as error:
        raise RewardGateError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except (TypeError, KeyError):
        raise RewardGateError(
            f"{path}: give a list `deployments`, each with entrypoint and name"
        ) from None
    for entrypoint, name, deployment in deployments:
        flow = entrypoint.replace(":", ".").rpartition(".")[2]
        for number, schedule in enumerate(deployment.get("schedules") or [], start=1):
            yield f"{flow}/{name}", number, schedule
