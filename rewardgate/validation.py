"""The canonical table judged by the suites of `rewardgate.expectations`."""

import gc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rewardgate.expectations import (
    CONTRADICTIONS,
    SCHEMA_SUITES,
    SUITES,
    Check,
    checks_of,
)
from rewardgate.facts import Facts, rankings_of, rows_of
from rewardgate.merged_results import ROWS_SHOWN, merged
from rewardgate.out_of_core import database
from rewardgate.settings import Validate

import great_expectations as gx  # isort: skip  (after expectations, which turns analytics off)
from great_expectations.core import ExpectationSuiteValidationResult  # isort: skip
from great_expectations.data_context.types.base import ProgressBarsConfig  # isort: skip

GX_SEVERITY = {"error": "critical", "warning": "warning"}


@dataclass(frozen=True)
class Validation:
    """`result` is JSON-able: {success, expectations: [...]}; `suites` feed the Data Docs.

    An expectation is {name, suite, severity, success, description, observed, of, threshold,
    failing}. For a rule on rows, observed is the number of rows that break it, `of` the number
    of rows judged and threshold 0; otherwise observed is the figure itself and `of` is None.
    `failing` holds up to 10 {prompt_id, response_id, value}. `success` is False only if an
    expectation of severity error failed.
    """

    result: dict[str, Any]
    suites: dict[str, ExpectationSuiteValidationResult]


def validate(chunks: Iterable[pd.DataFrame], settings: Validate) -> Validation:
    """Judge the canonical table. If it fails its schema, nothing more of it is judged.

    chunks: the table in pieces of whole rankings, which may be gone through twice
    Raises RewardGateError if `settings.severity` names an unknown expectation.
    """
    checks = checks_of(settings)
    judge = _Judge(checks)
    evidence = pd.DataFrame()
    with database() as connection:
        facts = Facts(connection)
        for responses in _one_at_a_time(chunks):
            judge("columns", responses)
            if judge.passed("columns"):
                judge("values", responses)
            if judge.sound:
                judge("responses", rows_of(responses))
                judge("rankings", rankings_of(responses))
                facts.add(responses)
        if judge.sound:
            for prompts in _one_at_a_time(facts.prompts()):
                judge("prompts", prompts)
            judge("shares", facts.shares())
            if not judge.suites["shares"].success:
                evidence = facts.contradictions(chunks, ROWS_SHOWN)
    results: list[Any] = [
        one.to_json_dict() for suite in judge.suites.values() for one in suite.results
    ]
    outcomes = {one["expectation_config"]["meta"]["name"]: one for one in results}
    expectations = [
        _outcome(check, outcomes[check.name], evidence)
        for check in checks
        if check.suite in judge.suites
    ]
    failed = [one for one in expectations if not one["success"] and one["severity"] == "error"]
    return Validation({"success": not failed, "expectations": expectations}, judge.suites)


def _one_at_a_time(tables: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The tables; Great Expectations holds those it has judged in cycles of references, which
    Python would let grow to a quarter of all objects before it looks for them."""
    for table in tables:
        yield table
        gc.collect()


class _Judge:
    """Judges tables by suites; `suites` holds the results so far, all tables of a suite as one."""

    def __init__(self, checks: list[Check]) -> None:
        self._expectations = {
            name: [_configured(check) for check in checks if check.suite == name] for name in SUITES
        }
        self._suites: dict[str, ExpectationSuiteValidationResult] = {}

    def __call__(self, name: str, table: pd.DataFrame) -> None:
        context = gx.get_context(mode="ephemeral")  # a new one: it keeps what it has judged
        context.variables.progress_bars = ProgressBarsConfig(
            globally=False, metric_calculations=False
        )
        asset = context.data_sources.add_pandas("rankings").add_dataframe_asset(name)
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": table})
        result = batch.validate(
            gx.ExpectationSuite(name=name, expectations=self._expectations[name]),
            result_format={
                "result_format": "SUMMARY",
                "partial_unexpected_count": ROWS_SHOWN,
                "unexpected_index_column_names": _id_columns(table),
            },
        )
        self._suites[name] = merged(self._suites.get(name), result)

    def passed(self, name: str) -> bool:
        """Whether every table that was judged by this suite passed it."""
        return name not in self._suites or bool(self._suites[name].success)

    @property
    def sound(self) -> bool:
        """Whether every table fitted the schema so far."""
        return all(map(self.passed, SCHEMA_SUITES))

    @property
    def suites(self) -> dict[str, ExpectationSuiteValidationResult]:
        """The results in the order of the suites; of unfit tables those of the schema alone."""
        judged = [name for name in SUITES if name in self._suites]
        return {name: self._suites[name] for name in judged if self.sound or name in SCHEMA_SUITES}


def _id_columns(table: pd.DataFrame) -> list[str]:
    return [name for name in ("prompt_id", "response_id") if name in table.columns]


def _configured(check: Check) -> Any:
    return check.expectation.copy(
        update={
            "description": check.description,
            "severity": GX_SEVERITY[check.severity],
            "meta": {"name": check.name},
        }
    )


def _outcome(check: Check, outcome: dict[str, Any], evidence: pd.DataFrame) -> dict[str, Any]:
    result, kwargs = outcome["result"], outcome["expectation_config"]["kwargs"]
    limits = ("column_list", "type_", "max_value", "min_value")
    on_rows = "unexpected_count" in result
    rows = result.get("partial_unexpected_index_list") or []
    failing = [
        {
            "prompt_id": row.get("prompt_id", ""),
            "response_id": row.get("response_id", ""),
            "value": row.get(kwargs.get("column")),
        }
        for row in rows[:ROWS_SHOWN]
    ]
    if check.name == CONTRADICTIONS and not outcome["success"]:
        failing = [dict(zip(evidence.columns, row, strict=True)) for row in evidence.to_numpy()]
    return {
        "name": check.name,
        "suite": check.suite,
        "severity": check.severity,
        "success": outcome["success"],
        "description": check.description,
        "observed": result["unexpected_count"] if on_rows else result.get("observed_value"),
        "of": result["element_count"] if on_rows else None,
        "threshold": 0 if on_rows else next(kwargs[key] for key in limits if key in kwargs),
        "failing": failing,
    }
