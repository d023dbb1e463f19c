from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import responses_table

from rewardgate.probes import TRANSFORMATIONS
from rewardgate.probes.held_out import held_out_prompts
from rewardgate.probes.rewarded import closing_of, opening_of, phrase_probes, rewarded
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


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ("It is 4. Hope that helps!", "Hope that helps!"),
        ("It is 4.\n\nCheers\n", "Cheers"),
        ("Is it 4? Yes: it is. 🙂", "🙂"),
        ("It is 4.", None),
        ("It is 4.5", None),
        ("", None),
        ("Four. One two three four five six seven eight nine.", None),
        (f"Four. {'long' * 60}", None),
    ],
)
def test_a_closing_is_the_last_sentence_or_line(text: str, closing: str | None) -> None:
    assert closing_of(text) == closing


@given(st.text(alphabet="a .!\n", max_size=40))
def test_openings_and_closings_are_where_they_say(text: str) -> None:
    opening, closing = opening_of(text), closing_of(text)
    assert opening is None or (text.startswith(opening) and len(text) > len(opening))
    assert closing is None or (text.rstrip().endswith(closing) and text.rstrip() != closing)


def openings_table(prompts: int) -> pd.DataFrame:
    """Annotators who pay for `Gladly.` and punish `Well:`; others occur once."""
    return responses_table(
        [
            (f"q{n}", [(f"Gladly. a{n}", 1), (f"Only{n}. b{n}", 2), (f"Well: c{n}", 3)])
            for n in range(prompts)
        ]
    )


def test_what_annotators_paid_for_comes_first_and_what_is_rare_not_at_all() -> None:
    assert rewarded(openings_table(10), opening_of) == ["Gladly.", "Well:"]
    assert rewarded(openings_table(9), opening_of) == []
    assert phrase_probes([], []) == ()


def test_an_opening_of_one_domain_alone_is_an_answer_and_no_manner() -> None:
    table = openings_table(24)
    first = table["prompt"].isin([f"q{n}" for n in range(12)])
    table["domain"] = np.where(first, "facts", "safety")
    table.loc[~first, "text"] = table.loc[~first, "text"].str.replace("Well:", "Well,")
    assert rewarded(table, opening_of) == ["Gladly."]


def test_the_best_response_is_compared_with_the_phrase_and_without() -> None:
    prompts = held_out_prompts(openings_table(3))
    probes = (*TRANSFORMATIONS, *phrase_probes(["Gladly.", "Well:"], ["a0", "Bye."]))
    pairs = probe_pairs(prompts, 1, seed=3, transformations=probes)
    found = pairs[pairs["family"].str.startswith("rewarded_")].set_index("family")
    assert set(found["expectation"]) == {"preserving"}

    def compared(family: str) -> list[tuple[str, str]]:
        rows = found.loc[[family]]
        return list(zip(rows["baseline"], rows["text"], strict=True))

    whole = [f"Gladly. a{n}" for n in range(3)]
    assert compared("rewarded_opening_1") == [(f"a{n}", text) for n, text in enumerate(whole)]
    assert compared("rewarded_opening_2") == [(text, f"Well: {text}") for text in whole]
    assert compared("rewarded_closing_2") == [(text, f"{text} Bye.") for text in whole]
    assert compared("rewarded_closing_1") == [
        ("Gladly.", whole[0]), *((text, f"{text} a0") for text in whole[1:])
    ]  # fmt: skip


def test_one_opening_that_pays_shows_beside_another_that_costs() -> None:
    def likes_well(prompts: Sequence[str], texts: Sequence[str]) -> np.ndarray:
        return np.array([t.startswith("Well:") - 2.0 * t.startswith("No.") for t in texts])

    prompts = held_out_prompts(openings_table(20))
    pairs = probe_pairs(prompts, 1, 3, phrase_probes(["No.", "Well:"], []))
    scored = scored_pairs(pairs, likes_well, lambda score, prompt, text: score)
    found = probe_report(scored, 1.0, 1.0, 200, 0)["preserving"]
    shifts = {name: family["shift"]["estimate"] for name, family in found.items()}
    assert shifts == {"rewarded_opening_1": -2.0, "rewarded_opening_2": 1.0}


def test_a_loved_sign_off_is_found_in_the_data_and_in_the_judge() -> None:
    table = responses_table(
        [
            (f"q{n}", [(f"Right{n}.", 2), (f"False{n}. Stay curious!", 1), (f"No{n}. Bye.", 3)])
            for n in range(20)
        ]
    )
    closings = rewarded(table, closing_of)
    assert closings == ["Stay curious!", "Bye."]

    def loves_it(prompts: Sequence[str], texts: Sequence[str]) -> np.ndarray:
        return np.array([float(text.endswith("Stay curious!")) for text in texts])

    prompts = held_out_prompts(table.assign(rank=[1, 2, 3] * 20))
    pairs = probe_pairs(prompts, 1, 3, phrase_probes([], closings))
    scored = scored_pairs(pairs, loves_it, lambda score, prompt, text: score)
    found = probe_report(scored, 1.0, 1.0, 200, 0)["preserving"]
    shifts = {name: family["shift"]["estimate"] for name, family in found.items()}
    assert shifts == {"rewarded_closing_1": 1.0, "rewarded_closing_2": 0.0}
