"""Plots carry their figures in words and depend on their input alone."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from rewardgate.report import plots

MARGINS = np.array([1.0, 1.0, -1.0, 3.0])


def test_the_alternative_text_states_the_figures() -> None:
    svg = plots.margin_histogram(MARGINS, threshold=1.0)
    assert "Histogram of 4 margins in BT logits: mean 1.00, 25.0% below zero" in svg
    svg = plots.stress_margins(
        [
            {"family": "empty", "passed": True, "margin_bt_logits": 2.0},
            {"family": "empty", "passed": False, "margin_bt_logits": None},
        ]
    )
    assert "1 of 2 responses score below the correct, brief one" in svg


def test_a_users_matplotlib_settings_do_not_reach_the_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = plots.margin_histogram(MARGINS, threshold=1.0)
    for name, value in (("font.size", 30), ("svg.fonttype", "path"), ("axes.grid", True)):
        monkeypatch.setitem(matplotlib.rcParams, name, value)
    assert plots.margin_histogram(MARGINS, threshold=1.0) == first


def test_a_domain_name_is_text_and_not_markup_or_mathematics() -> None:
    domain = {
        "name": r"<b>& $\bad$", "pairs": 60, "accuracy": 0.7, "threshold": 0.55, "judged": True,
        "failed": False, "longest_wins": 0.5,
    }  # fmt: skip
    svg = plots.domain_bars([domain])
    assert r"&lt;b&gt;&amp; $\bad$" in svg
    assert "<b>" not in svg


def check(what: str, value: float, outcome: str, **more: object) -> dict[str, object]:
    return {
        "what": what, "slice": None, "value": value, "low": value - 0.1, "high": value + 0.1,
        "threshold": 0.6, "outcome": outcome, **more,
    }  # fmt: skip


def test_the_forest_shows_every_check_with_an_interval_and_no_other() -> None:
    checks = [
        check("accuracy", 0.7, "pass"),
        check("facts: accuracy", 0.3, "fail", slice="facts"),
        check("a share", 0.5, "pass", low=None, high=None),
    ]
    svg = plots.forest(checks)
    assert "accuracy 0.700 (0.600 to 0.800), threshold 0.6, pass; facts: accuracy 0.300" in svg
    assert ">facts<" in svg
    assert ">fail<" in svg
    assert ">undecided<" not in svg
    assert "a share" not in svg
    assert plots.forest(checks[2:]) == ""


def test_degenerate_inputs_are_drawn() -> None:
    constant = np.zeros(5)
    step = {"step": [1], "loss": [0.69], "accuracy": [0.5], "grad_norm": [0.0]}
    for svg in (
        plots.margin_histogram(constant, threshold=1.0),
        plots.margin_histogram(-MARGINS, threshold=0.0),
        plots.margin_histogram(MARGINS, threshold=None),
        plots.forest([check("certain", 0.5, "undecided", low=0.5, high=0.5)]),
        plots.reward_against_length(constant, constant),
        plots.reward_against_length(constant, np.array([0.0, 1, 2, 3, 900])),
        plots.reliability_diagram([{"confidence": 0.5, "accuracy": 0.0, "pairs": 25_000}]),
        plots.training_curve(pd.DataFrame(step), pd.DataFrame()),
    ):
        assert svg.startswith("<svg")
        assert not {"nan", "inf"} & set(svg.replace('"', " ").split())
