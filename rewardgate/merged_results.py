"""The results of one Great Expectations suite on several tables, as if on all of them together."""

from copy import copy
from typing import Any

from great_expectations.core import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)

ROWS_SHOWN = 10


def merged(
    first: ExpectationSuiteValidationResult | None, second: ExpectationSuiteValidationResult
) -> ExpectationSuiteValidationResult:
    """Both results as one; the second table follows the first.

    Rows that break an expectation are counted exactly, and the first of them are shown. The most
    frequent values among them are counted over what each table names as its most frequent.
    """
    if first is None:
        return second
    by_name = {_name(one): one for one in second.results}
    both = copy(first)
    both.results = [_merged(one, by_name[_name(one)]) for one in first.results]
    passed = sum(bool(one.success) for one in both.results)
    total = len(both.results)
    both.success = passed == total
    both.statistics = {
        "evaluated_expectations": total,
        "successful_expectations": passed,
        "unsuccessful_expectations": total - passed,
        "success_percent": 100 * passed / total,
    }
    return both


def _name(one: ExpectationValidationResult) -> str:
    assert one.expectation_config is not None
    return one.expectation_config.meta["name"]


def _merged(
    one: ExpectationValidationResult, other: ExpectationValidationResult
) -> ExpectationValidationResult:
    both = copy(one)
    both.success = bool(one.success and other.success)
    if "unexpected_count" in one.result:
        both.result = _merged_rows(one.result, other.result)
    elif isinstance(one.result.get("observed_value"), int):
        both.result = {"observed_value": sum(r.result["observed_value"] for r in (one, other))}
    else:
        both.result = other.result if one.success else one.result
    return both


def _merged_rows(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    rows, unexpected, missing = (
        one.get(key, 0) + other.get(key, 0)
        for key in ("element_count", "unexpected_count", "missing_count")
    )
    of_present = 100 * unexpected / (rows - missing) if rows > missing else None
    figures = {
        "element_count": rows,
        "unexpected_count": unexpected,
        "unexpected_percent": of_present,
        "missing_count": missing,
        "missing_percent": 100 * missing / rows if rows else None,
        "unexpected_percent_total": 100 * unexpected / rows if rows else None,
        "unexpected_percent_nonmissing": of_present,
    }
    both = {key: figures.get(key, value) for key, value in one.items()}
    for key in ("partial_unexpected_list", "partial_unexpected_index_list"):
        if key in one or key in other:
            both[key] = [*one.get(key, []), *other.get(key, [])][:ROWS_SHOWN]
    if "partial_unexpected_counts" in one:
        both["partial_unexpected_counts"] = _most_frequent(
            one["partial_unexpected_counts"] + other["partial_unexpected_counts"]
        )
    return both


def _most_frequent(counts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The most frequent values, most frequent first, then by value, as in one result."""
    total: dict[Any, int] = {}
    for one in counts:
        value = tuple(one["value"]) if isinstance(one["value"], list) else one["value"]
        total[value] = total.get(value, 0) + one["count"]
    top = sorted(total.items(), key=lambda item: -item[1])[:ROWS_SHOWN]
    return [
        {"value": value, "count": count}
        for value, count in sorted(top, key=lambda item: (-item[1], item[0]))
    ]
