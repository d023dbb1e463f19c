"""The rule on code: the share of given tests that the response's code passes, in a sandbox."""

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from rewardgate.rules.errors import MissingReferenceError
from rewardgate.rules.sandbox import Limits, Outcome, Task, run_tasks

FENCE = re.compile(r"[ \t]*```[ \t]*(\w*)")
PYTHON = ("", "py", "py3", "python", "python3")


class InputOutput(BaseModel):
    """A test of a whole program: what it reads, and what it must print."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stdin: str = ""
    stdout: str


@dataclass(frozen=True)
class Test:
    """What runs in the sandbox, and what stays outside: `expected` is never seen by the code."""

    __test__ = False

    task: Task
    expected: Any = None

    def passed(self, outcome: Outcome) -> bool:
        if outcome.fault is not None:
            return False
        if self.task.kind == "program":
            return _lines(outcome.answer) == _lines(self.expected)
        if self.task.kind == "value":
            try:
                return bool(ast.literal_eval(outcome.answer) == self.expected)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                return False
        return True


def share_of_tests(
    prompt: str, response: str, reference: Any, *, limits: Limits | None = None
) -> float:
    """Share of the tests that the code passes: 1 all of them, 0 none.

    The code is the response's last fenced block in Python (or in no named language), else the whole
    response. It runs anew for every test, with nothing but Python's standard library.
    reference: one of
      Python source: each assertion or expression at the top level is a test; all else there runs
        before each of them, after the code
      a list of such assertions
      a list of `{stdin, stdout}`: the code is a program; lines are compared without spaces at
        their ends
      any of these as JSON
    limits: of one test and of all (see rewardgate/rules/sandbox.py); a test that breaks one fails

    Tests of programs, and assertions of the form `expression == literal`, are judged outside the
    sandbox, so code cannot feign them. Other assertions are judged in the process of the code:
    leaving early does not pass, but code that searches its own process could feign them.
    Raises ValueError if the tests are wrong, RuleUnavailableError if there is no sandbox here.
    """
    tests = tests_of(reference)
    outcomes = run_tasks(code_of(response), [test.task for test in tests], limits or Limits())
    passed = [test.passed(one) for test, one in zip(tests, outcomes, strict=True)]
    return sum(passed) / len(passed)


def code_of(response: str) -> str:
    """The last fenced block in Python (or in no named language), else the whole response."""
    code, language, lines = response, None, list[str]()
    for line in response.split("\n"):
        fence = FENCE.match(line)
        if language is not None and (fence is None or fence[1]):
            lines.append(line)
        elif language is not None:
            code, language = "\n".join(lines) if language in PYTHON else code, None
        elif fence is not None:
            language, lines = fence[1].lower(), []
    return code


def tests_of(reference: Any) -> list[Test]:
    """Raises MissingReferenceError if there are none, ValueError if they are wrong."""
    if isinstance(reference, str) and reference:
        try:
            reference = json.loads(reference)
        except ValueError:
            reference = [reference]
    if not reference:
        raise MissingReferenceError("the prompt has no tests")
    if not isinstance(reference, list):
        raise ValueError(f"the tests must be text or a list, not {type(reference).__name__}")
    if all(isinstance(one, Mapping) for one in reference):
        programs = [InputOutput.model_validate(one) for one in reference]
        return [Test(Task("program", one.stdin), one.stdout) for one in programs]
    if not all(isinstance(one, str) for one in reference):
        raise ValueError("the tests must be all assertions or all {stdin, stdout}")
    return _assertions("\n".join(reference))


def _assertions(source: str) -> list[Test]:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(f"the tests are no Python: {error}") from None
    checked = [one for one in body if isinstance(one, ast.Assert | ast.Expr)]
    before = "\n".join(ast.unparse(one) for one in body if one not in checked)
    if not checked:
        raise ValueError("the tests hold no assertion at the top level")
    return [_test(one, before) for one in checked]


def _test(statement: ast.Assert | ast.Expr, before: str) -> Test:
    match statement:
        case ast.Assert(ast.Compare(left, [ast.Eq()], [right])):
            try:
                expected = ast.literal_eval(right)
            except ValueError:
                pass
            else:
                return Test(Task("value", ast.unparse(left), before), expected)
    return Test(Task("check", ast.unparse(statement), before))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]
