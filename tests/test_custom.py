"""A user's figures come from a real entry point: a package on the path with its dist-info."""

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from policies import SETTINGS, check
from tables import responses_table

from rewardgate.custom import GROUP, custom_figures
from rewardgate.entry_points import load_functions
from rewardgate.errors import RewardGateError
from rewardgate.judgement import judge_check
from rewardgate.shapes import require_known_figures
from rewardgate.stress import load_cases

SOURCE = """
from rewardgate.intervals import Interval

def figures(reports, test):
    share = (test["score"] > 0).mean()
    return {"positive": float(share), "steady": Interval(0.5, 0.4, 0.6, 40, 90), "n": len(reports)}

def failing(reports, test):
    return {"gone": reports["evaluation"]["nothing"]}

def text(reports, test):
    return {"word": "high"}

def endless(reports, test):
    return {"big": float("inf")}

constant = 3
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, entries: list[str]) -> None:
    info = folder / "house_figures-1.0.dist-info"
    info.mkdir()
    (folder / "house_figures.py").write_text(SOURCE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house-figures\nVersion: 1.0\n")
    lines = ["[rewardgate.figures]", *entries]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "house_figures", raising=False)


def table() -> pd.DataFrame:
    return responses_table([("q", [("a", 1), ("b", 2)])]).assign(score=[1.0, -1.0])


def test_none_is_installed_by_default() -> None:
    assert load_functions(GROUP) == {}
    assert custom_figures({}, table()) == {}


def test_figures_of_an_entry_point_are_judged_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, ["house = house_figures:figures"])
    found = custom_figures({"evaluation": {}}, table())
    assert found["positive"] == 0.5
    assert found["n"] == 1.0
    assert found["steady"] == {
        "estimate": 0.5, "low": 0.4, "high": 0.6, "prompts": 40, "pairs": 90,
    }  # fmt: skip
    own = {"figure": "custom:steady", "comparison": "<", "threshold": 0.55}
    outcomes = [
        judge_check(check(**own, bound=bound), {"custom": found})[0].outcome
        for bound in ("point", "upper95")
    ]
    assert outcomes == ["pass", "fail"]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            ["a = house_figures:failing"],
            "entry point a of rewardgate.figures: failed with Key",
        ),
        (["a = house_figures:text"], "figure word: must be an Interval or a number, not 'high'"),
        (["a = house_figures:endless"], "figure big: is not finite"),
        (["a = house_figures:constant"], "is no function"),
        (["a = house_figures:nothing"], "cannot be imported (AttributeError"),
        (["a = no_such_module:f"], "cannot be imported (ModuleNotFoundError"),
        (
            ["a = house_figures:figures", "b = house_figures:figures"],
            "the figure positive is already taken",
        ),
    ],
)
def test_a_faulty_entry_point_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entries: list[str], message: str
) -> None:
    install(tmp_path, monkeypatch, entries)
    with pytest.raises(RewardGateError) as caught:
        custom_figures({"evaluation": {}}, table())
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_check_of_a_custom_figure_needs_an_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases: Any = load_cases(Path(__file__).parent.parent / "data/stress_cases.yaml")
    own = check(name="own", figure="custom:steady")
    gate = SETTINGS.gate.model_copy(update={"checks": [*SETTINGS.gate.checks, own]})
    settings = SETTINGS.model_copy(update={"gate": gate})
    with pytest.raises(RewardGateError, match=r"own: no entry point of the group"):
        require_known_figures(settings, cases)
    install(tmp_path, monkeypatch, ["house = house_figures:figures"])
    require_known_figures(settings, cases)
