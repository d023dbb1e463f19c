"""Differences from the others: the tolerance, the domains' weights and the tests, by hand."""

import numpy as np
import pandas as pd
import pytest
from judged import LENGTH_LOVER, SETTINGS, SOUND, drawn

from rewardgate.audit.anomalies import Difference, Kind, comparable, differences
from rewardgate.audit.bias import Measured
from rewardgate.audit.comparisons import comparisons_of


def difference(kind: Kind, gap: float, error: float = 0.01) -> Difference:
    return Difference("max", kind, 0.5, 0.5 - gap, Measured(gap, error, 100, 1000))


@pytest.mark.parametrize(
    ("kind", "gap", "error", "p"),
    [
        ("agreement", -0.05, 0.01, 0.5),
        ("agreement", -0.05 - 1.959964 * 0.01, 0.01, 0.025),
        ("agreement", 0.4, 0.01, 1.0),
        ("length_bias", 0.5 + 1.959964 * 0.1, 0.1, 0.05),
        ("length_bias", -0.5 - 1.959964 * 0.1, 0.1, 0.05),
        ("first_listed", 0.1 + 1.959964 * 0.02, 0.02, 0.05),
        ("first_listed", 0.0, 0.02, 1.0),
        ("agreement", -0.06, 0.0, 0.0),
        ("agreement", -0.05, 0.0, 1.0),
    ],
)
def test_p_values_by_hand(kind: Kind, gap: float, error: float, p: float) -> None:
    assert difference(kind, gap, error).p(SETTINGS) == pytest.approx(p, abs=1e-5)


@pytest.mark.parametrize(
    ("own", "ending"),
    [
        (0.30, "below chance: perhaps rank 1 was taken for the worst"),
        (0.51, "no better than chance"),
        (0.60, "where 70.0% is expected"),
    ],
)
def test_reasons_say_what_agreement_looks_like(own: float, ending: str) -> None:
    found = Difference("max", "agreement", own, 0.7, Measured(own - 0.7, 0.02, 100, 1000))
    assert found.reason().endswith(ending)


def test_the_others_get_the_annotators_mix_of_domains() -> None:
    """Ada has 4 pairs of facts and 2 of maths; the others 8 and 10, and safety, which she lacks;
    of jokes there is only one prompt by the others."""
    rows = [("ada", "facts", 4), ("ada", "maths", 2), ("ada", "jokes", 3)]
    rows += [("ben", "facts", 8), ("ben", "maths", 10), ("ben", "safety", 5)]
    pairs = pd.DataFrame(
        [
            {"annotator": annotator, "domain": domain, "prompt_id": f"{annotator}{domain}{at}"}
            for annotator, domain, count in rows
            for at in range(count)
        ]
    )
    own, weight = comparable(pairs, (pairs["annotator"] == "ada").to_numpy())
    assert pairs[own].groupby("domain").size().to_dict() == {"facts": 4, "maths": 2}
    assert pd.Series(weight).groupby(pairs["annotator"] + pairs["domain"]).max().to_dict() == {
        "adafacts": 0.0, "adajokes": 0.0, "adamaths": 0.0,
        "benfacts": 0.5, "benmaths": 0.2, "bensafety": 0.0,
    }  # fmt: skip


def test_a_domain_where_longer_is_better_makes_nobody_a_length_lover() -> None:
    """Ada ranks mostly the domain where everybody prefers longer ones, Ben mostly the other."""
    parts = []
    for number, (domain, order, shares) in enumerate(
        (("essays", LENGTH_LOVER, (90, 30)), ("facts", SOUND, (30, 90)))
    ):
        for name, prompts in zip(("ada", "ben"), shares, strict=True):
            part = drawn({name: order}, prompts, seed=number + prompts).assign(domain=domain)
            for column in ("prompt_id", "ranking_id"):
                part[column] = f"{domain}-{name}-" + part[column]
            parts.append(part)
    comparisons = comparisons_of(pd.concat(parts, ignore_index=True))
    by_kind = {one.kind: one for one in differences(comparisons, "ada", SETTINGS)}
    length = by_kind["length_bias"]
    assert length.own > 0.5
    assert length.others == pytest.approx(length.own, abs=0.4)
    assert length.p(SETTINGS) > 0.2
    raw = [
        comparisons.loc[comparisons["annotator"] == name, "longer"].mean()
        for name in ("ada", "ben")
    ]
    assert np.subtract(*raw) > 0.1
