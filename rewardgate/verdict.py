"""From the stages' reports to the verdict, the same when it is made and when it is verified."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rewardgate.checklist import failures, judge, warnings
from rewardgate.files import read_json
from rewardgate.policy import PROCESS, REPORTS
from rewardgate.settings import Rewards, Settings


def judged(rewards: Rewards) -> tuple[str, ...]:
    """Names of the reports that a verdict rests on."""
    return (*REPORTS, *([PROCESS] if rewards.process_weight > 0 else []), "custom")


def read_reports(folder: Path, names: Iterable[str]) -> dict[str, Any]:
    """Reports by name from the files NAME.json; None for a champion report without a champion."""
    reports = {name: read_json(folder / f"{name}.json") for name in names}
    if reports["champion"]["champion"] is None:
        reports["champion"] = None
    return reports


def make_verdict(settings: Settings, reports: Mapping[str, Any]) -> dict[str, Any]:
    """Judge the reports (those of `judged`) by the policy."""
    items = judge(settings.gate, settings.rewards, reports)
    test = reports["evaluation"]["test"]
    return {
        "verdict": "promoted" if all(item.passed for item in items) else "blocked",
        "failures": failures(items),
        "warnings": warnings(items),
        "items": [item.as_dict() for item in items],
        "champion": reports["champion"] and reports["champion"]["champion"],
        "metrics": {
            "accuracy": test["accuracy"],
            "mean_margin_bt_logits": test["margin"]["mean_bt_logits"],
            "temperature": reports["calibration"]["temperature"],
            "domains": {name: domain["accuracy"] for name, domain in test["domains"].items()},
        },
    }


def difference(verdict: Mapping[str, Any], again: Mapping[str, Any]) -> str | None:
    """The first key of `again` that `verdict` has otherwise; None if there is none.

    Numbers are compared to nine digits, since the last ones of a p-value depend on the machine.
    """
    return next((key for key in again if _rounded(verdict.get(key)) != _rounded(again[key])), None)


def _rounded(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.9g}"))
