"""Each named expectation fails on the fault it is named after, and on nothing else."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rewardgate.canonical import COLUMNS
from rewardgate.data_docs import write_data_docs
from rewardgate.errors import RewardGateError
from rewardgate.expectations import checks_of
from rewardgate.files import write_json
from rewardgate.settings import Validate
from rewardgate.validation import validate

SETTINGS = Validate(
    known_domains=["facts", "safety"],
    max_prompt_chars=50,
    max_text_chars=100,
    max_tie_share=0.5,
    max_contradiction_share=0.1,
    max_longer_chosen_share=0.7,
    severity={},
)


def table() -> pd.DataFrame:
    """Two prompts; three rankings of three responses; 9 comparisons, 3 with a longer chosen."""
    rows = [
        (f"p{prompt}", f"Prompt {prompt}?", "facts", "s", annotator, ranking, f"r{at}", text, rank)
        for prompt, annotator, ranking, texts in (
            (1, "ada", "k1", ["long text", "a text", "text"]),
            (2, "ada", "k2", ["so", "its", "it is so"]),
            (2, "bob", "k3", ["so", "its", "it is so"]),
        )
        for at, (text, rank) in enumerate(zip(texts, (1, 2, 3), strict=True))
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS[:-1]).astype({"rank": "int32"})
    return frame.assign(strength=np.nan)


def outcomes(frame: pd.DataFrame, settings: Validate = SETTINGS) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in validate([frame], settings).result["expectations"]}


def pieces(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """The table in pieces of one ranking."""
    return [rows.reset_index(drop=True) for _, rows in frame.groupby("ranking_id", sort=False)]


def failed(frame: pd.DataFrame, settings: Validate = SETTINGS) -> list[str]:
    return [name for name, one in outcomes(frame, settings).items() if not one["success"]]


def with_value(row: int | list[int], column: str, value: Any) -> Callable[[], pd.DataFrame]:
    def change() -> pd.DataFrame:
        frame = table()
        frame.loc[row, column] = value
        return frame

    return change


def test_good_table_passes_with_its_figures() -> None:
    result = validate([table()], SETTINGS).result
    assert result["success"]
    by_name = {one["name"]: one for one in result["expectations"]}
    assert list(by_name) == [check.name for check in checks_of(SETTINGS)]
    assert all(one["success"] for one in result["expectations"])
    assert by_name["has_rows"]["observed"] == 9
    assert (by_name["text_not_empty"]["observed"], by_name["text_not_empty"]["of"]) == (0, 9)
    assert by_name["ties_rare"]["observed"] == 0
    assert by_name["contradictions_rare"]["observed"] == 0
    assert by_name["chosen_not_just_longer"]["observed"] == pytest.approx(3 / 9, abs=1e-6)
    assert by_name["chosen_not_just_longer"]["threshold"] == 0.7


@pytest.mark.parametrize(
    ("name", "faulty", "failing"),
    [
        ("text_present", with_value(4, "text", None), ("p2", "r1", None)),
        ("rank_type", lambda: table().astype({"rank": "float64"}), None),
        ("strength_type", lambda: table().astype({"strength": "float32"}), None),
        ("strength_type", lambda: table().assign(strength="strong"), None),
        ("strength_finite", with_value(1, "strength", -np.inf), ("p1", "r1", False)),
        ("columns", lambda: table().drop(columns="domain"), None),
        ("columns", lambda: table().drop(columns="strength"), None),
        ("text_not_empty", with_value(1, "text", ""), ("p1", "r1", 0)),
        ("prompt_not_empty", with_value([0, 1, 2], "prompt", ""), ("p1", "r0", 0)),
        ("text_length", with_value(0, "text", "x" * 101), ("p1", "r0", 101)),
        ("prompt_length", with_value([0, 1, 2], "prompt", "x" * 51), ("p1", "r0", 51)),
        ("known_domain", with_value([0, 1, 2], "domain", "saftey"), ("p1", "r0", "saftey")),
        ("best_rank_is_one", with_value(0, "rank", 2), ("p1", "", 2)),
        ("rank_within_size", with_value(2, "rank", 4), ("p1", "", 1)),
        ("prompt_id_means_one_prompt", with_value([6, 7, 8], "prompt", "Why?"), ("p2", "", 2)),
        ("one_domain_per_prompt", with_value([3, 4, 5], "domain", "safety"), ("p2", "", 2)),
        ("response_id_means_one_text", with_value(8, "text", "it is thus"), ("p2", "", 1)),
    ],
)
def test_one_fault_fails_one_expectation(
    name: str, faulty: Callable[[], pd.DataFrame], failing: tuple[Any, ...] | None
) -> None:
    frame = faulty()
    outcome = outcomes(frame)
    assert [key for key, one in outcome.items() if not one["success"]] == [name]
    if failing is not None:
        assert tuple(outcome[name]["failing"][0].values()) == failing
    in_pieces = validate(pieces(frame), SETTINGS)
    assert {one["name"]: one for one in in_pieces.result["expectations"]} == outcome


def test_rank_zero_and_repeated_response_id() -> None:
    assert failed(with_value(0, "rank", 0)()) == ["rank_positive", "best_rank_is_one"]
    frame = with_value(1, "response_id", "r0")()
    assert failed(frame) == ["response_id_unique", "response_id_means_one_text"]


def test_ranking_with_one_rank_and_share_of_ties() -> None:
    frame = table()
    frame["rank"] = np.array([1, 1, 1, 1, 1, 3, 1, 2, 2], "int32")  # 3 + 1 + 1 of 9 pairs tie
    outcome = outcomes(frame)
    assert outcome["two_distinct_ranks"]["failing"] == [
        {"prompt_id": "p1", "response_id": "", "value": 1}
    ]
    assert outcome["ties_rare"]["observed"] == pytest.approx(5 / 9, abs=1e-6)
    assert not outcome["ties_rare"]["success"]


def test_contradictions_are_both_sides_of_a_reversed_comparison() -> None:
    frame = table()
    frame.loc[6, "rank"], frame.loc[7, "rank"] = (
        2,
        1,
    )  # bob: its above so; 2 of 9 comparisons contradict
    outcome = outcomes(frame)["contradictions_rare"]
    assert not outcome["success"]
    assert outcome["observed"] == pytest.approx(2 / 9, abs=1e-6)
    assert outcome["failing"] == [
        {"prompt_id": "p2", "response_id": "r0", "value": "above r1 here, below it elsewhere"},
        {"prompt_id": "p2", "response_id": "r1", "value": "above r0 here, below it elsewhere"},
    ]
    assert validate(pieces(frame), SETTINGS).result == validate([frame], SETTINGS).result
    tied = table()
    tied.loc[1, "text"] = "long text"  # the same text at two ranks contradicts itself
    assert outcomes(tied)["contradictions_rare"]["observed"] == pytest.approx(1 / 9, abs=1e-6)
    frame.loc[6:8, ["prompt_id", "prompt"]] = ["p3", "Another prompt?"]
    assert outcomes(frame)["contradictions_rare"]["observed"] == 0


def test_warning_does_not_fail_the_data_and_severity_can_be_set() -> None:
    strict = SETTINGS.model_copy(update={"max_longer_chosen_share": 0.1})
    assert failed(table(), strict) == ["chosen_not_just_longer"]
    assert validate([table()], strict).result["success"]
    as_error = strict.model_copy(update={"severity": {"chosen_not_just_longer": "error"}})
    assert not validate([table()], as_error).result["success"]


@pytest.mark.parametrize("name", ["text_non_empty", "columns"])
def test_severity_of_an_unknown_expectation(name: str) -> None:
    settings = SETTINGS.model_copy(update={"severity": {name: "warning"}})
    with pytest.raises(RewardGateError, match=f"validate.severity.{name}: no such expectation"):
        validate([table()], settings)


def test_pieces_of_a_table_are_judged_and_documented_as_one(tmp_path: Path) -> None:
    frame = table()
    frame["domain"] = ["x", "x", "x", "y", "y", "y", "x", "x", "x"]
    frame.loc[[2, 8], "text"] = ""
    frame.loc[4, "strength"] = np.inf
    whole, many = validate([frame], SETTINGS), validate(pieces(frame), SETTINGS)
    assert many.result == whole.result
    assert not whole.result["success"]
    for name, validation in (("whole", whole), ("many", many)):
        write_data_docs(tmp_path / name, validation.suites)
    page = (tmp_path / "whole/index.html").read_text(encoding="utf-8")
    assert (tmp_path / "many/index.html").read_text(encoding="utf-8") == page


def test_a_null_in_a_later_piece_leaves_the_schema_alone() -> None:
    frame = table()
    frame.loc[[4, 7], "text"] = None
    result = validate(pieces(frame), SETTINGS).result
    assert result == validate([frame], SETTINGS).result
    assert {one["suite"] for one in result["expectations"]} == {"columns", "values"}
    assert [one["observed"] for one in result["expectations"] if one["name"] == "text_present"] == [
        2
    ]


def test_data_docs_are_deterministic_offline_and_escaped(tmp_path: Path) -> None:
    frame = with_value([0, 1, 2], "domain", "<script>$x</script>")()
    for folder in ("a", "b"):
        write_data_docs(tmp_path / folder, validate([frame], SETTINGS).suites)
    page = (tmp_path / "a" / "index.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "b" / "index.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;$x&lt;/script&gt;" in page
    assert not re.search(r"<script|<link|<img|https?:|@import|url\(", page)
    assert str(Path.cwd()) not in page


def test_chunks_judged_before_are_not_judged_again_and_the_result_is_that_of_scratch(
    tmp_path: Path,
) -> None:
    frame = table()
    frame["domain"] = ["x", "x", "x", "facts", "facts", "facts", "y", "y", "y"]
    frame.loc[[2, 8], "text"] = ""
    frame.loc[6, "rank"], frame.loc[7, "rank"] = (2, 1)
    chunks = pieces(frame)
    judged = tmp_path / "judged"

    def stats() -> dict[str, Any]:
        return {file.parent.name: file.stat() for file in judged.glob("*/results.json")}

    validate(chunks[1:], SETTINGS, judged)
    before = stats()
    more = validate(chunks, SETTINGS, judged)
    after = stats()
    assert (len(before), len(after)) == (2, 3)
    assert {name: after[name] for name in before} == before
    again = validate(chunks, SETTINGS, judged)
    assert stats() == after
    scratch = validate([frame], SETTINGS)
    for name, validation in (("more", more), ("again", again), ("scratch", scratch)):
        write_json(tmp_path / f"{name}.json", validation.result)
        write_data_docs(tmp_path / name, validation.suites)
    for name in ("more", "again"):
        for file in (f"{name}.json", f"{name}/index.html"):
            expected = tmp_path / file.replace(name, "scratch")
            assert (tmp_path / file).read_bytes() == expected.read_bytes()
    other = SETTINGS.model_copy(update={"known_domains": ["x", "y", "facts"]})
    assert validate(chunks, other, judged).result == validate([frame], other).result
    assert not stats().keys() & after.keys()
