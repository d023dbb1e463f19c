import time

import numpy as np
import pytest
from tables import responses_table

from rewardgate.figures import evaluation_report, headline, held_out_figures
from rewardgate.metrics import Scored


def scored(*scores: float) -> Scored:
    table = responses_table(
        [
            ("what is it ?", [("a b c", 1), ("a b", 2), ("a", 3)]),
            ("who ?", [("one", 1), ("one two three four", 2)]),
            ("when ?", [("one two", 1), ("two one", 2)]),
        ]
    )
    table.loc[table["prompt_id"] == "p1", "domain"] = "safety"
    return Scored.of(table.assign(score=scores))


def test_figures_by_hand() -> None:
    # margins: 1, 2, 1 (longer wins), -1 (adverse), 4 (same length)
    found = held_out_figures(scored(3.0, 2.0, 1.0, 0.0, 1.0, 4.0, 0.0), 2.0, 200, 0)
    estimates = {key: one["estimate"] for key, one in found.items() if key != "domains"}
    assert estimates == pytest.approx(
        {
            "accuracy": 0.8,
            "accuracy_per_prompt": 2 / 3,
            "margin_bt_logits": 7 / 5 / 2,
            "adverse_accuracy": 0.0,
            "length_matched_accuracy": 1.0,
            "longest_wins": 3.5 / 5,
        }
    )
    assert (found["accuracy"]["prompts"], found["accuracy"]["pairs"]) == (3, 5)
    assert found["adverse_accuracy"]["low"] is None
    assert found["domains"]["safety"]["accuracy"]["estimate"] == 0.0
    assert found["domains"]["facts"]["margin_bt_logits"]["pairs"] == 4


def test_a_set_without_such_pairs_has_no_such_figure() -> None:
    table = responses_table([("who ?", [("one two", 1), ("one", 2)])])
    found = held_out_figures(Scored.of(table.assign(score=[1.0, 0.0])), 1.0, 100, 0)
    assert found["adverse_accuracy"] is found["length_matched_accuracy"] is None


def test_words_within_a_tenth_of_the_longer_are_of_one_length() -> None:
    rankings = [
        (f"q{words}", [("w " * 20, 1), ("w " * words, 2)]) for words in (17, 18, 20, 22, 23)
    ]
    table = responses_table(rankings)
    found = held_out_figures(Scored.of(table.assign(score=-table["rank"])), 1.0, 100, 0)
    assert found["length_matched_accuracy"]["pairs"] == 3


def test_the_report_holds_every_set_and_the_gap() -> None:
    right, wrong = (scored(3.0, 2.0, 1.0, s, 1.0, 4.0, 0.0) for s in (2.0, 0.0))
    report = evaluation_report({"test": wrong, "eval": right, "train": right}, 1.0, 1.0, 5, 100, 0)
    assert report["train_minus_test_accuracy"] == pytest.approx(0.2)
    gap = report["test"]["figures"]["train_minus_test_accuracy"]
    assert gap["estimate"] == report["train_minus_test_accuracy"]
    assert gap["low"] <= gap["estimate"] <= gap["high"]
    assert "figures" not in report["eval"]


def test_ten_thousand_resamples_of_two_thousand_pairs_take_seconds() -> None:
    rankings = [
        (f"q{i}", [(f"text {'w ' * (3 * k + i % 5)}", k + 1) for k in range(5)]) for i in range(200)
    ]
    table = responses_table(rankings)
    scores = np.random.default_rng(0).normal(size=len(table)) - table["rank"]
    started = time.process_time()
    held_out_figures(Scored.of(table.assign(score=scores)), 1.0, 10_000, 0)
    assert time.process_time() - started < 10


def test_the_headline_is_of_the_test_split() -> None:
    right, wrong = (scored(3.0, 2.0, 1.0, s, 1.0, 4.0, 0.0) for s in (2.0, 0.0))
    report = evaluation_report({"test": wrong, "eval": right, "train": right}, 2.0, 1.0, 5, 100, 0)
    found = headline(report)
    assert found["accuracy"] == pytest.approx(0.8)
    assert found["accuracy_low"] <= 0.8 <= found["accuracy_high"]
    assert found["accuracy_chosen_shorter"] == 0.0
    assert found["margin_bt_logits"] == pytest.approx(7 / 5 / 2)
    assert found["train_minus_test"] == pytest.approx(0.2)
    assert found["domains"] == {"facts": 1.0, "safety": 0.0}
    table = responses_table([("who ?", [("one two", 1), ("one", 2)])])
    one = Scored.of(table.assign(score=[1.0, 0.0]))
    report = evaluation_report({"test": one, "eval": one, "train": one}, 1.0, 1.0, 5, 100, 0)
    assert headline(report)["accuracy_chosen_shorter"] is None
