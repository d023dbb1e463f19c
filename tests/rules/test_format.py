import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.errors import RewardGateError
from rewardgate.rules.format import (
    follows_schema,
    headings,
    matches,
    matches_not,
    tags,
    valid_json,
)
from rewardgate.rules.registry import bind_rule

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}


def test_patterns() -> None:
    assert matches("", "call 555-1234 now", None, pattern=r"\d{3}-\d{4}") == 1
    assert matches("", "call 555-1234 now", None, pattern=r"\d{3}-\d{4}", whole=True) == 0
    assert matches("", "call", None, pattern=r"\d") == 0
    assert matches_not("", "call 5", None, pattern=r"\d") == 0
    assert matches_not("", "call", None, pattern=r"\d") == 1


def test_search_that_explodes_ends() -> None:
    with pytest.raises(TimeoutError):
        matches("", "a" * 5000 + "!", None, pattern=r"^(\w|a)*(a|\w)*\d$")


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ('{"a": [1, 2.5, null, true]}', 1),
        ('```json\n{"a": 1}\n```', 1),
        ("3", 1),
        ("", 0),
        ("NaN", 0),
        ("{'a': 1}", 0),
        ('{"a": 1} and more', 0),
        ('Here it is:\n```json\n{"a": 1}\n```', 0),
        ("[" * 100_000, 0),
        ("9" * 10_000, 0),
    ],
)
def test_json(response: str, expected: float) -> None:
    assert valid_json("", response, None) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ('{"name": "Ada", "age": 36}', 1),
        ('```\n{"name": "Ada"}\n```', 1),
        ('{"age": 36}', 0),
        ('{"name": "Ada", "age": -1}', 0),
        ('{"name": "Ada", "job": ""}', 0),
        ("Ada", 0),
    ],
)
def test_schema(response: str, expected: float) -> None:
    assert follows_schema("", response, None, schema=SCHEMA) == expected


def test_schema_is_checked_when_bound_and_fetches_nothing() -> None:
    with pytest.raises(RewardGateError, match="rule json_schema: option schema: no JSON schema"):
        bind_rule("json_schema", {"schema": {"type": "text"}})
    outside = {"$ref": "http://127.0.0.1:9/schema.json"}
    with pytest.raises(Exception, match=r"Unresolvable"):
        follows_schema("", "1", None, schema=outside)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
def test_what_json_writes_is_json(value: Any) -> None:
    assert valid_json("", json.dumps(value), None) == 1
    assert follows_schema("", json.dumps(value), None, schema={}) == 1


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("<think>so</think>\n<answer>4</answer>", 1),
        ("well <think>so</think> <answer>4</answer>", 1),
        ("<think>so</think>", 0.5),
        ("<answer>4</answer><think>so</think>", 0.5),
        ("<think> </think><answer>4</answer>", 0.5),
        ("<think>so</think><answer>4</answer><answer>5</answer>", 0.5),
        ("<think>so<answer>4</answer>", 0.5),
        ("</think>so<think>", 0),
        ("4", 0),
    ],
)
def test_tags(response: str, expected: float) -> None:
    assert tags("", response, None, names=["think", "answer"]) == expected


def test_nothing_outside_tags() -> None:
    names = ["think", "answer"]
    inside = "<think>so</think>\n<answer>4</answer>\n"
    assert tags("", inside, None, names=names, only=True) == 1
    assert tags("", inside + "bye", None, names=names, only=True) == 0


def test_headings() -> None:
    names = ["Summary", "Risks"]
    assert headings("", "# Summary\ntext\n\n## RISKS:\n\ntext", None, names=names) == 1
    assert headings("", "# Risks\ntext\n# Summary\ntext", None, names=names) == 0.5
    assert headings("", "# Summary\n# Risks\ntext", None, names=names) == 0.5
    assert headings("", "Summary\nRisks", None, names=names) == 0


@given(st.text(alphabet="<>/abthink answer\n#", max_size=80), st.booleans())
def test_shares_stay_between_0_and_1(response: str, only: bool) -> None:
    assert 0 <= tags("", response, None, names=["a", "b"], only=only) <= 1
    assert 0 <= headings("", response, None, names=["a", "b"]) <= 1
