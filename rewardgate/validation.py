"""The canonical table judged by the suites of `rewardgate.expectations`."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from rewardgate.expectations import SCHEMA_SUITES, SUITES, Check, checks_of, tables_of
from rewardgate.settings import Validate

import great_expectations as gx  # isort: skip  (after expectations, which turns analytics off)
from great_expectations.core import ExpectationSuiteValidationResult  # isort: skip
from great_expectations.data_context.types.base import ProgressBarsConfig  # isort: skip

ROWS_SHOWN = 10
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


def validate(responses: pd.DataFrame, settings: Validate) -> Validation:
    """Judge the canonical table. If it fails its schema, nothing more of it is judged.

    Raises RewardGateError if `settings.severity` names an unknown expectation.
    """
    checks = checks_of(settings)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    source = context.data_sources.add_pandas("rankings")
    tables = dict.fromkeys(SCHEMA_SUITES, responses)
    expectations: list[dict[str, Any]] = []
    suites: dict[str, ExpectationSuiteValidationResult] = {}
    for name in SUITES:
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        mine = [check for check in checks if check.suite == name]
        suites[name] = batch.get_batch({"dataframe": tables[name]}).validate(
            gx.ExpectationSuite(name=name, expectations=[_configured(check) for check in mine]),
            result_format={
                "result_format": "SUMMARY",
                "partial_unexpected_count": ROWS_SHOWN,
                "unexpected_index_column_names": _id_columns(tables[name]),
            },
        )
        outcomes: list[Any] = [one.to_json_dict() for one in suites[name].results]
        by_name = {one["expectation_config"]["meta"]["name"]: one for one in outcomes}
        expectations += [_outcome(check, by_name[check.name], tables) for check in mine]
        if name in SCHEMA_SUITES and not suites[name].success:
            break
        if name == SCHEMA_SUITES[-1]:
            tables |= tables_of(responses)
    failed = [one for one in expectations if not one["success"] and one["severity"] == "error"]
    return Validation({"success": not failed, "expectations": expectations}, suites)


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


def _outcome(
    check: Check, outcome: dict[str, Any], tables: dict[str, pd.DataFrame]
) -> dict[str, Any]:
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
    if check.evidence and not outcome["success"]:
        evidence = tables[check.evidence].head(ROWS_SHOWN)
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
