"""Held-out figures by domain and by difference of ranks, against hand-computed ones."""

import numpy as np
import pandas as pd
import pytest

from rewardgate.metrics import Scored
from rewardgate.report.breakdown import METRICS, by_rank_distance, heat_map


def rankings(scores: dict[str, list[float]], texts: dict[str, list[str]]) -> Scored:
    """One ranking a domain, best first."""
    rows = [
        {
            "prompt_id": domain, "ranking_id": domain, "domain": domain, "prompt": "?",
            "response_id": f"{domain}-{place}", "text": text, "rank": place + 1, "score": score,
        }
        for domain in scores
        for place, (score, text) in enumerate(zip(scores[domain], texts[domain], strict=True))
    ]  # fmt: skip
    return Scored.of(pd.DataFrame(rows).astype({"rank": "int32"}))


SCORES = {"facts": [4.0, 3.0, 2.0, 1.0, 0.0], "safety": [0.0, 2.0]}
TEXTS = {"facts": ["a", "a b", "a b c", "a b c d", "a b c d e"], "safety": ["a b", "a"]}


def test_the_heat_map_states_each_figure_and_how_good_it_is() -> None:
    facts, safety = heat_map(rankings(SCORES, TEXTS), ["facts", "safety"], 2.0, bins=10)
    cells = dict(zip(METRICS, facts["cells"], strict=True))
    assert (facts["name"], facts["pairs"]) == ("facts", 10)
    assert cells["accuracy"] == {"shown": "100.0%", "pairs": 10, "step": 4}
    assert cells["adverse_accuracy"] == {"shown": "100.0%", "pairs": 10, "step": 4}
    assert cells["over_length"] == {"shown": "+100.0 points", "pairs": 10, "step": 4}
    assert cells["margin"] == {"shown": "1.00", "pairs": 10, "step": 2}
    assert {cell["step"] for cell in safety["cells"]} == {0}, "one pair tells nothing"
    assert safety["cells"][0]["shown"] == "0.0%"
    assert safety["cells"][1] == {"shown": "no such pair", "pairs": 0, "step": 0}


def test_a_domain_judged_upside_down_is_worst() -> None:
    upside_down = {**SCORES, "facts": SCORES["facts"][::-1]}
    facts, _ = heat_map(rankings(upside_down, TEXTS), ["facts", "safety"], 0.1, bins=10)
    steps = {name: cell["step"] for name, cell in zip(METRICS, facts["cells"], strict=True)}
    assert steps == dict.fromkeys(METRICS, -4) | {"over_length": 0}, "longest wins is wrong too"


def test_margins_by_rank_distance() -> None:
    rows = by_rank_distance(rankings(SCORES, TEXTS), 2.0, 100, 0)
    assert [(one["distance"], one["pairs"]) for one in rows] == [
        ("1", 5), ("2", 3), ("3", 2), ("4", 1),
    ]  # fmt: skip
    assert rows[0]["margin"]["estimate"] == pytest.approx((4 * 0.5 - 1.0) / 5)
    assert rows[0]["accuracy"]["estimate"] == pytest.approx(0.8)
    assert rows[3]["margin"]["estimate"] == pytest.approx(2.0)
    assert rows[3]["margin"]["low"] is None, "one prompt has no spread"


def test_far_ranks_stand_together() -> None:
    scores = {"facts": list(np.arange(12.0)[::-1])}
    rows = by_rank_distance(rankings(scores, {"facts": list("abcdefghijkl")}), 1.0, 100, 0)
    assert rows[-1]["distance"] == "8+"
    assert sum(one["pairs"] for one in rows) == 66
    assert rows[-1]["pairs"] == 4 + 3 + 2 + 1
