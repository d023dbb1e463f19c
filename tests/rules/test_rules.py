"""Rules by name and option, and their results."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rewardgate.errors import RewardGateError
from rewardgate.rules import sandbox
from rewardgate.rules.errors import RuleUnavailableError
from rewardgate.rules.evaluate import RuleResult, broken, check_rules, evaluate_rules
from rewardgate.rules.registry import BUILT_IN, load_rules
from rewardgate.rules.rule import Rule

SOURCE = """
def politeness(prompt, response, reference, *, word: str = "please", times: int = 1) -> float:
    return min(1.0, response.count(word) / times)

def failing(prompt, response, reference):
    raise KeyError("gone")

def large(prompt, response, reference):
    return 1.5

def undefined(prompt, response, reference):
    return float("nan")

def nothing(prompt, response, reference):
    return None

def free(prompt, response, reference, **options):
    return float(options["a"])

constant = 3
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    def installed(*entries: str) -> None:
        info = tmp_path / "house_rules-1.0.dist-info"
        info.mkdir()
        (tmp_path / "house_rules.py").write_text(SOURCE)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house-rules\nVersion: 1.0\n")
        lines = [f"{one} = house_rules:{one.removeprefix('the_')}" for one in entries]
        (info / "entry_points.txt").write_text("\n".join(["[rewardgate.rules]", *lines]) + "\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "house_rules", raising=False)
        load_rules.cache_clear()

    yield installed
    load_rules.cache_clear()


def rule(name: str, **settings: object) -> Rule:
    return Rule.model_validate({"name": name, **settings})


DIGITS = rule("matches", options={"pattern": r"\d"}, weight=0.5)
SAFE = rule("matches_not", options={"pattern": "bomb"}, weight=0.0, hard=True)


def test_results_by_label() -> None:
    letters = rule("matches", label="letters", options={"pattern": "[a-z]"})
    assert evaluate_rules([DIGITS, letters], "", "abc", None) == {
        "matches": RuleResult(0.0),
        "letters": RuleResult(1.0),
    }


def test_wrong_names_and_options_are_told_in_one_line() -> None:
    for bad, message in (
        (rule("machtes"), "rule 'machtes' is unknown; did you mean matches or "),
        (rule("zzz"), "rule 'zzz' is unknown; known: choice, code, exact"),
        (rule("matches"), "rule matches: option 'pattern' is missing; add it"),
        (rule("matches", options={"patern": "a"}), "option 'patern' is unknown; did you mean patt"),
        (rule("json", options={"a": 1}), "rule json: option 'a' is unknown; it takes none"),
        (rule("matches", options={"pattern": "("}), "rule matches: option pattern: no regular exp"),
        (rule("tags", options={"names": []}), "rule tags: option names: List should have at le"),
        (rule("code", options={"limits": {"second": 1}}), "rule code: option limits: Extra inputs"),
        (
            rule("code", options={"limits": {"seconds": 0}}),
            "rule code: option limits: Input should",
        ),
    ):
        with pytest.raises(RewardGateError) as caught:
            evaluate_rules([bad], "", "", None)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_label_occurs_once() -> None:
    with pytest.raises(RewardGateError, match="rule matches: occurs 2 times"):
        check_rules([DIGITS, DIGITS])


@pytest.mark.parametrize("weight", [-1, float("inf"), float("nan")])
def test_weights_are_finite_and_not_negative(weight: float) -> None:
    with pytest.raises(ValidationError):
        rule("json", weight=weight)


def test_references_by_label() -> None:
    rules = [rule("exact"), rule("choice"), rule("json")]
    results = evaluate_rules(rules, "", "B", {"exact": "b"})
    assert results == {
        "exact": RuleResult(1.0),
        "choice": RuleResult(None),
        "json": RuleResult(0.0),
    }
    told = "MissingReferenceError: the prompt has no reference"
    assert evaluate_rules(rules[:1], "", "B", None) == {"exact": RuleResult(0.0, told)}


def test_a_users_rule_with_options(install) -> None:
    install("politeness", "free")
    polite = rule("politeness", options={"times": "2"})
    assert evaluate_rules([polite], "", "please", None)["politeness"].value == 0.5
    assert evaluate_rules([rule("free", options={"a": 1})], "", "", None)["free"].value == 1
    with pytest.raises(RewardGateError, match="rule politeness: option times: Input should be"):
        check_rules([rule("politeness", options={"times": "often"})])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("failing", "KeyError: 'gone'"),
        ("large", "ValueError: the value 1.5 is not in [0, 1]"),
        ("undefined", "ValueError: the value nan is not in [0, 1]"),
        ("nothing", "TypeError: float() argument must be"),
    ],
)
def test_a_rule_that_fails_is_reported(install, name: str, told: str) -> None:
    install(name)
    result = evaluate_rules([rule(name), DIGITS], "", "1", None)
    assert result["matches"] == RuleResult(1.0)
    assert result[name].value == 0.0
    assert str(result[name].error).startswith(told)
    with pytest.raises(RewardGateError, match=rf"rule {name}: failed with .*on_error: zero"):
        evaluate_rules([rule(name, on_error="error")], "", "1", None)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("json", "the name is already taken"),
        ("missing", "cannot be imported"),
        ("constant", "is no function"),
    ],
)
def test_bad_entry_points(install, entry: str, told: str) -> None:
    install(entry)
    with pytest.raises(RewardGateError, match=told):
        check_rules([rule("json")])


def test_without_a_sandbox_code_is_refused_not_rewarded(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.require_sandbox.cache_clear()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuleUnavailableError, match="no sandbox on this machine; the rule `code` n"):
        evaluate_rules([rule("code")], "", "a = 1", "assert a == 1")
    monkeypatch.undo()
    assert evaluate_rules([rule("code")], "", "a = 1", "assert a == 1")["code"].value == 1


OPTIONS = {
    "matches": {"pattern": "a+b"},
    "matches_not": {"pattern": "a+b"},
    "json_schema": {"schema": {"type": "object"}},
    "tags": {"names": ["think"]},
    "headings": {"names": ["Summary"]},
}
QUICK = [
    rule(name, options=OPTIONS.get(name, {})) for name in BUILT_IN if name not in ("code", "maths")
]


@pytest.mark.parametrize(
    "text",
    ["a word is ", " ", "```a\n", "<think>", "answer is : ", "$a ", "# Summary\n", "[", "*("],
)
def test_a_huge_response_ends(text: str) -> None:
    huge = text * (1_000_000 // len(text))
    results = evaluate_rules(QUICK, "", huge, {"exact": "a", "choice": "A", "refusal": "answer"})
    assert not [one.error for one in results.values() if one.error]


@given(st.text(max_size=300), st.text(max_size=300), st.sampled_from(["A", "B", "answer", ""]))
def test_every_quick_rule_is_in_range_and_deterministic(
    prompt: str, response: str, reference: str
) -> None:
    results = evaluate_rules(QUICK, prompt, response, reference)
    assert all(one.value is not None and 0 <= one.value <= 1 for one in results.values())
    assert results == evaluate_rules(QUICK, prompt, response, reference)


def test_a_hard_rule_fails_below_its_least_or_where_it_raised(install) -> None:
    install("failing", "politeness")
    lenient = rule("politeness", hard=True, least=0.5, options={"times": 2})
    raising = rule("failing", hard=True)
    absent = rule("exact", hard=True)
    for one, response, reference, found in (
        (lenient, "please", None, ()),
        (lenient, "", None, ("politeness",)),
        (raising, "", None, ("failing",)),
        (absent, "", {}, ()),
    ):
        assert broken([one], evaluate_rules([one], "", response, reference)) == found
