"""What is expected of the canonical table, as named Great Expectations suites.

An expectation on rows sees one row, so facts about rankings, prompts and the whole data are
first gathered in tables of their own (`rewardgate.facts`); each suite judges one of them.
"""

import os
from dataclasses import dataclass, replace

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations.expectations as gxe

from rewardgate.canonical import COLUMNS, TEXT_COLUMNS
from rewardgate.errors import RewardGateError
from rewardgate.settings import Severity, Validate

SCHEMA_SUITES = ("columns", "values")
"""Judged on the canonical table itself; if one fails, nothing after it can be computed."""

SUITES = (*SCHEMA_SUITES, "responses", "rankings", "prompts", "shares")
CONTRADICTIONS = "contradictions_rare"


@dataclass(frozen=True)
class Check:
    """One named expectation of a suite."""

    name: str
    suite: str
    severity: Severity
    description: str
    expectation: gxe.Expectation


def checks_of(settings: Validate) -> list[Check]:
    """All checks, with the severities of `settings.severity` by name.

    Raises RewardGateError for a name there that no check has, or that belongs to the schema.
    """
    checks = _rows(settings) + _rankings() + _prompts() + _shares(settings)
    names = [check.name for check in checks]
    for name in settings.severity:
        if name not in names:
            raise RewardGateError(
                f"params.yaml: validate.severity.{name}: no such expectation; "
                f"use one of {', '.join(names)}"
            )
    return _schema() + [
        replace(check, severity=settings.severity.get(check.name, check.severity))
        for check in checks
    ]


def _schema() -> list[Check]:
    return [
        Check(
            "columns", "columns", "error",
            f"The columns are {', '.join(COLUMNS)}.",
            gxe.ExpectTableColumnsToMatchOrderedList(column_list=COLUMNS),
        ),
        Check(
            "has_rows", "columns", "error",
            "There is at least one response.",
            gxe.ExpectTableRowCountToBeBetween(min_value=1),
        ),
        Check(
            "rank_type", "values", "error",
            "Ranks are 32-bit integers.",
            gxe.ExpectColumnValuesToBeOfType(column="rank", type_="int32"),
        ),
        Check(
            "strength_type", "values", "error",
            "Strengths are 64-bit floats, null where unknown.",
            gxe.ExpectColumnValuesToBeOfType(column="strength", type_="float64"),
        ),
        *(
            Check(
                f"{column}_present", "values", "error",
                f"Every response has a value for {column}.",
                gxe.ExpectColumnValuesToNotBeNull(column=column),
            )
            for column in TEXT_COLUMNS
        ),
    ]  # fmt: skip


def _rows(settings: Validate) -> list[Check]:
    return [
        Check(
            "prompt_not_empty", "responses", "error",
            "Prompts are not empty.",
            gxe.ExpectColumnValuesToBeBetween(column="prompt_chars", min_value=1),
        ),
        Check(
            "text_not_empty", "responses", "error",
            "Response texts are not empty.",
            gxe.ExpectColumnValuesToBeBetween(column="text_chars", min_value=1),
        ),
        Check(
            "prompt_length", "responses", "error",
            f"Prompts have at most {settings.max_prompt_chars} characters.",
            gxe.ExpectColumnValuesToBeBetween(
                column="prompt_chars", max_value=settings.max_prompt_chars
            ),
        ),
        Check(
            "text_length", "responses", "error",
            f"Response texts have at most {settings.max_text_chars} characters.",
            gxe.ExpectColumnValuesToBeBetween(
                column="text_chars", max_value=settings.max_text_chars
            ),
        ),
        Check(
            "rank_positive", "responses", "error",
            "Ranks start at 1.",
            gxe.ExpectColumnValuesToBeBetween(column="rank", min_value=1),
        ),
        Check(
            "strength_finite", "responses", "error",
            "Strengths are finite where known.",
            gxe.ExpectColumnValuesToBeInSet(column="strength_finite", value_set=[True]),
        ),
        Check(
            "response_id_unique", "responses", "error",
            "A response_id occurs once in its ranking.",
            gxe.ExpectCompoundColumnsToBeUnique(column_list=["ranking_id", "response_id"]),
        ),
        Check(
            "known_domain", "responses", "error",
            f"The domain is one of {', '.join(settings.known_domains)}: a misspelt one would "
            "escape its threshold at the gate.",
            gxe.ExpectColumnValuesToBeInSet(column="domain", value_set=settings.known_domains),
        ),
    ]  # fmt: skip


def _rankings() -> list[Check]:
    return [
        Check(
            "two_distinct_ranks", "rankings", "error",
            "A ranking has at least two distinct ranks, else it compares nothing.",
            gxe.ExpectColumnValuesToBeBetween(column="distinct_ranks", min_value=2),
        ),
        Check(
            "best_rank_is_one", "rankings", "error",
            "The best rank of a ranking is 1.",
            gxe.ExpectColumnValuesToBeBetween(column="best_rank", min_value=1, max_value=1),
        ),
        Check(
            "rank_within_size", "rankings", "error",
            "No rank is larger than the number of responses in its ranking.",
            gxe.ExpectColumnValuesToBeBetween(column="worst_rank_minus_size", max_value=0),
        ),
    ]  # fmt: skip


def _prompts() -> list[Check]:
    return [
        Check(
            "prompt_id_means_one_prompt", "prompts", "error",
            "A prompt_id stands for one prompt text.",
            gxe.ExpectColumnValuesToBeBetween(column="texts", max_value=1),
        ),
        Check(
            "response_id_means_one_text", "prompts", "error",
            "Within a prompt, a response_id stands for one text.",
            gxe.ExpectColumnValuesToBeBetween(column="ambiguous_response_ids", max_value=0),
        ),
        Check(
            "one_domain_per_prompt", "prompts", "warning",
            "A prompt has one domain.",
            gxe.ExpectColumnValuesToBeBetween(column="domains", max_value=1),
        ),
    ]  # fmt: skip


def _shares(settings: Validate) -> list[Check]:
    return [
        Check(
            "ties_rare", "shares", "error",
            f"At most {settings.max_tie_share:.1%} of the response pairs within a ranking tie.",
            gxe.ExpectColumnMaxToBeBetween(
                column="tie_share", max_value=settings.max_tie_share
            ),
        ),
        Check(
            CONTRADICTIONS, "shares", "error",
            f"At most {settings.max_contradiction_share:.1%} of the comparisons contradict "
            "another one: the same two texts, ranked the other way for the same prompt.",
            gxe.ExpectColumnMaxToBeBetween(
                column="contradiction_share", max_value=settings.max_contradiction_share
            ),
        ),
        Check(
            "chosen_not_just_longer", "shares", "warning",
            f"In at most {settings.max_longer_chosen_share:.1%} of the comparisons the chosen "
            "response is the longer one: a reward model learns that length bias.",
            gxe.ExpectColumnMaxToBeBetween(
                column="longer_chosen_share", max_value=settings.max_longer_chosen_share
            ),
        ),
    ]  # fmt: skip
