from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from tables import responses_table

from rewardgate.probes import TRANSFORMATIONS
from rewardgate.probes.held_out import held_out_prompts
from rewardgate.probes.rewarded import opening_of, opening_probes, rewarded_openings
from rewardgate.probes.run import probe_pairs, probe_report, scored_pairs


@pytest.mark.parametrize(
    ("text", "opening"),
    [
        ("Good question. It is 4.", "Good question."),
        ("From my side: it is 4.", "From my side:"),
        ("Good question.", None),
        ("It is four", None),
        ("It\nis. Four", None),
        ("One two three four five six seven eight nine. Ten", None),
        ("", None),
    ],
)
def test_an_opening_is_what_stands_before_the_first_stop(text: str, opening: str | None) -> None:
    assert opening_of(text) == opening


def openings_table(prompts: int) -> pd.DataFrame:
    """Annotators who pay for `Gladly.` and punish `Well:`; others occur once."""
    return responses_table(
        [
            (f"q{n}", [(f"Gladly. a{n}", 1), (f"Only{n}. b{n}", 2), (f"Well: c{n}", 3)])
            for n in range(prompts)
        ]
    )


def test_what_annotators_paid_for_comes_first_and_what_is_rare_not_at_all() -> None:
    assert rewarded_openings(openings_table(10)) == ["Gladly.", "Well:"]
    assert rewarded_openings(openings_table(9)) == []
    assert opening_probes([]) == ()


def test_an_opening_of_one_domain_alone_is_an_answer_and_no_manner() -> None:
    table = openings_table(24)
    first = table["prompt"].isin([f"q{n}" for n in range(12)])
    table["domain"] = np.where(first, "facts", "safety")
    table.loc[~first, "text"] = table.loc[~first, "text"].str.replace("Well:", "Well,")
    assert rewarded_openings(table) == ["Gladly."]


def test_the_probe_puts_it_before_the_best_response_that_has_it_not() -> None:
    prompts = held_out_prompts(openings_table(3))
    probes = (*TRANSFORMATIONS, *opening_probes(["Gladly.", "Well:"]))
    pairs = probe_pairs(prompts, 1, seed=3, transformations=probes)
    found = pairs[pairs["family"].str.startswith("rewarded_opening")]
    assert found["text"].tolist() == [f"Well: Gladly. a{n}" for n in range(3)]
    assert set(found["expectation"]) == {"preserving"}


def test_one_opening_that_pays_shows_beside_another_that_costs() -> None:
    def likes_well(prompts: Sequence[str], texts: Sequence[str]) -> np.ndarray:
        return np.array([t.startswith("Well:") - 2.0 * t.startswith("No.") for t in texts])

    prompts = held_out_prompts(openings_table(20))
    pairs = probe_pairs(prompts, 1, 3, opening_probes(["No.", "Well:"]))
    scored = scored_pairs(pairs, likes_well, lambda score, prompt, text: score)
    found = probe_report(scored, 1.0, 1.0, 200, 0)["preserving"]
    shifts = {name: family["shift"]["estimate"] for name, family in found.items()}
    assert shifts == {"rewarded_opening_1": -2.0, "rewarded_opening_2": 1.0}
