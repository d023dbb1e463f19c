"""A chunk of the canonical table as judged: the results of its suites and its facts, in a folder.

They depend on the rows of the chunk, on the settings, and on the code and the libraries that judge.
`key_of` is a hash of those, so that a folder of that name need not be made again.
"""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from inspect import getsource
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.core.expectation_validation_result import (
    expectationSuiteValidationResultSchema,
)

from rewardgate import expectations, facts, pairs, suites
from rewardgate.expectations import SCHEMA_SUITES, Check
from rewardgate.facts import rankings_of, rows_of, write_facts
from rewardgate.files import read_json, sha256_json, write_json
from rewardgate.settings import Validate
from rewardgate.suites import judge

RESULTS = "results.json"
LIBRARIES = ("great_expectations", "pandas", "duckdb")


def key_of(responses: pd.DataFrame, settings: Validate) -> str:
    rows = pa.BufferOutputStream()
    table = pa.Table.from_pandas(responses, preserve_index=False)
    with pa.ipc.new_stream(rows, table.schema) as stream:
        stream.write_table(table)
    code = [getsource(one) for one in (expectations, facts, pairs, suites, sys.modules[__name__])]
    return sha256_json(
        [
            hashlib.sha256(rows.getvalue()).hexdigest(),
            settings.model_dump(mode="json"),
            code,
            [version(name) for name in LIBRARIES],
        ]
    )


def judge_chunk(
    connection: duckdb.DuckDBPyConnection,
    responses: pd.DataFrame,
    checks: Sequence[Check],
    folder: Path,
) -> None:
    """Write the results, and the facts if the chunk fits its schema. It holds whole rankings."""
    results: dict[str, ExpectationSuiteValidationResult] = {}
    for suite in SCHEMA_SUITES:
        if all(result.success for result in results.values()):
            results[suite] = judge(checks, suite, responses)
    if all(result.success for result in results.values()):
        results["responses"] = judge(checks, "responses", rows_of(responses))
        results["rankings"] = judge(checks, "rankings", rankings_of(responses))
        write_facts(connection, responses, folder)
    write_json(folder / RESULTS, {name: one.to_json_dict() for name, one in results.items()})


def results_in(folder: Path) -> Iterator[tuple[str, ExpectationSuiteValidationResult]]:
    """The name and the result of each suite that judged the chunk."""
    for name, result in read_json(folder / RESULTS).items():
        yield name, expectationSuiteValidationResultSchema.load(result)
