from typing import Any

import numpy as np
import pytest
from tables import responses_table

from rewardgate.comparison import compare
from rewardgate.metrics import Scored


def scored(*scores: float) -> Scored:
    table = responses_table(
        [("q one", [("a", 1), ("b", 2), ("c", 3)]), ("q two", [("d", 1), ("e", 2)])]
    )
    table.loc[table["prompt_id"] == "p1", "domain"] = "safety"
    return Scored.of(table.assign(score=scores))


def outcomes(*passed: bool) -> list[dict[str, Any]]:
    return [
        {"case": f"case {number // 2}", "family": ("empty", "long")[number % 2], "passed": one}
        for number, one in enumerate(passed)
    ]


def test_differences_by_hand() -> None:
    # ours: margins 1, 2, 1 and -1 at temperature 2; theirs: 10, -10, -20 and 30 at temperature 10
    found = compare(
        scored(3, 2, 1, 0, 1), 2.0, scored(10, 0, 20, 30, 0), 10.0,
        outcomes(True, True, False, True), outcomes(True, False, True, True), 200, 0,
    )  # fmt: skip
    difference = found["difference"]
    assert difference["accuracy"]["estimate"] == pytest.approx(3 / 4 - 2 / 4)
    assert difference["margin_bt_logits"]["estimate"] == pytest.approx(3 / 8 - 1 / 4)
    assert difference["domains"]["safety"]["accuracy"]["estimate"] == -1
    assert difference["domains"]["facts"]["accuracy"]["estimate"] == pytest.approx(2 / 3)
    stress = {name: one["passed"]["estimate"] for name, one in difference["stress"].items()}
    assert stress == {"empty": -0.5, "long": 0.5}
    assert difference["stress"]["empty"]["passed"]["prompts"] == 2
    assert found["champion_figures"]["accuracy"]["estimate"] == 0.5


def test_a_model_is_no_better_than_itself_at_any_scale() -> None:
    random = np.random.default_rng(0)
    table = responses_table([(f"q{i}", [("a", 1), ("b", 2), ("c", 3)]) for i in range(40)])
    scores = random.normal(size=len(table))
    ours, theirs = (Scored.of(table.assign(score=scale * scores)) for scale in (1, 100))
    difference = compare(ours, 2.0, theirs, 200.0, outcomes(True), outcomes(True), 200, 0)[
        "difference"
    ]
    for figure in (difference["accuracy"], difference["margin_bt_logits"]):
        assert [figure[key] for key in ("estimate", "low", "high")] == pytest.approx([0, 0, 0])


def test_other_pairs_are_refused() -> None:
    table = responses_table([("q", [("a", 1), ("b", 2)])]).assign(score=[1.0, 2.0])
    with pytest.raises(ValueError, match="different pairs"):
        compare(scored(1, 2, 3, 4, 5), 1.0, Scored.of(table), 1.0, [], [], 100, 0)
