"""The canonical table judged by the suites of `rewardgate.expectations`."""

import gc
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from great_expectations.core import ExpectationSuiteValidationResult

from rewardgate.expectations import (
    CONTRADICTIONS,
    SCHEMA_SUITES,
    SUITES,
    Check,
    checks_of,
)
from rewardgate.facts import Facts
from rewardgate.judged_chunks import judge_chunk, key_of, results_in
from rewardgate.kept import kept_folders, made_once
from rewardgate.merged_results import ROWS_SHOWN, merged
from rewardgate.out_of_core import database
from rewardgate.settings import Validate
from rewardgate.suites import judge


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


def validate(
    chunks: Iterable[pd.DataFrame], settings: Validate, judged: Path | None = None
) -> Validation:
    """Judge the canonical table. If it fails its schema, nothing more of it is judged.

    chunks: the table in pieces of whole rankings, which may be gone through twice
    judged: folder of the chunks judged before; a chunk that lies there is not judged again
    Raises RewardGateError if `settings.severity` names an unknown expectation.
    """
    checks = checks_of(settings)
    suites = _Suites()
    evidence = pd.DataFrame()
    with (
        database() as connection,
        tempfile.TemporaryDirectory(prefix="rewardgate-") as temporary,
        kept_folders(parent := judged or Path(temporary)) as keep,
    ):
        facts = Facts(connection)
        for responses in _one_at_a_time(chunks):
            make = partial(judge_chunk, connection, responses, checks)
            folder = keep(made_once(parent / key_of(responses, settings), make))
            for name, result in results_in(folder):
                suites.add(name, result)
            if suites.sound:
                facts.add(folder)
        if suites.sound:
            for prompts in _one_at_a_time(facts.prompts()):
                suites.add("prompts", judge(checks, "prompts", prompts))
            suites.add("shares", judge(checks, "shares", facts.shares()))
            if not suites.passed("shares"):
                evidence = facts.contradictions(chunks, ROWS_SHOWN)
    results: list[Any] = [
        one.to_json_dict() for suite in suites.results.values() for one in suite.results
    ]
    outcomes = {one["expectation_config"]["meta"]["name"]: one for one in results}
    expectations = [
        _outcome(check, outcomes[check.name], evidence)
        for check in checks
        if check.suite in suites.results
    ]
    failed = [one for one in expectations if not one["success"] and one["severity"] == "error"]
    return Validation({"success": not failed, "expectations": expectations}, suites.results)


def _one_at_a_time(tables: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The tables; Great Expectations holds those it has judged in cycles of references, which
    Python would let grow to a quarter of all objects before it looks for them."""
    for table in tables:
        yield table
        gc.collect()


class _Suites:
    """The results of each suite so far, all tables of a suite as one."""

    def __init__(self) -> None:
        self._results: dict[str, ExpectationSuiteValidationResult] = {}

    def add(self, name: str, result: ExpectationSuiteValidationResult) -> None:
        self._results[name] = merged(self._results.get(name), result)

    def passed(self, name: str) -> bool:
        """Whether every table that was judged by this suite passed it."""
        return name not in self._results or bool(self._results[name].success)

    @property
    def sound(self) -> bool:
        """Whether every table fitted the schema so far."""
        return all(map(self.passed, SCHEMA_SUITES))

    @property
    def results(self) -> dict[str, ExpectationSuiteValidationResult]:
        """The results in the order of the suites; of unfit tables those of the schema alone."""
        judged = [name for name in SUITES if name in self._results]
        return {name: self._results[name] for name in judged if self.sound or name in SCHEMA_SUITES}


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
