"""One table judged by one suite of `rewardgate.expectations`, through Great Expectations."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from rewardgate.expectations import Check
from rewardgate.merged_results import ROWS_SHOWN

import great_expectations as gx  # isort: skip  (after expectations, which turns analytics off)
from great_expectations.core import ExpectationSuiteValidationResult  # isort: skip
from great_expectations.data_context.types.base import ProgressBarsConfig  # isort: skip

GX_SEVERITY = {"error": "critical", "warning": "warning"}


def judge(
    checks: Sequence[Check], suite: str, table: pd.DataFrame
) -> ExpectationSuiteValidationResult:
    """The result of those checks that belong to the suite."""
    context = gx.get_context(mode="ephemeral")  # a new one: it keeps what it has judged
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("rankings").add_dataframe_asset(suite)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": table})
    expectations = [_configured(check) for check in checks if check.suite == suite]
    return batch.validate(
        gx.ExpectationSuite(name=suite, expectations=expectations),
        result_format={
            "result_format": "SUMMARY",
            "partial_unexpected_count": ROWS_SHOWN,
            "unexpected_index_column_names": [
                name for name in ("prompt_id", "response_id") if name in table.columns
            ],
        },
    )


def _configured(check: Check) -> Any:
    return check.expectation.copy(
        update={
            "description": check.description,
            "severity": GX_SEVERITY[check.severity],
            "meta": {"name": check.name},
        }
    )
