"""How good the annotator said a response is, from the ranking file to the loss."""

import json
import math
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tables import responses_table

from rewardgate.encoding import Encoded
from rewardgate.examples import examples_of
from rewardgate.files import read_table, write_table
from rewardgate.formats import Unusable, to_ranking
from rewardgate.ingest import ingest
from rewardgate.objective import Objective, weighted
from rewardgate.settings import Loss, load_settings
from rewardgate.validation import validate

PARAMS = Path(__file__).parent.parent / "params.yaml"


class NoEncoder:
    def encode(self, prompt: str, text: str) -> Encoded:
        return Encoded([0])


def native(*responses: tuple[int, Any]) -> dict[str, Any]:
    """A ranking of responses "r0", "r1", ... with these ranks and strengths."""
    return {
        "prompt": "Why?",
        "responses": [
            {"text": f"r{at}", "rank": rank, "strength": strength}
            for at, (rank, strength) in enumerate(responses)
        ],
    }


def messages(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": content}]


def read(folder: Path, *records: dict[str, Any]) -> pd.DataFrame:
    path = folder / "mine.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return ingest([path], 0).responses


@pytest.mark.parametrize(
    ("record", "strengths"),
    [
        (native((2, 1), (1, 6.5), (3, None)), [1.0, 6.5, None]),
        ({"prompt": "Why?", "responses": ["a", "b", "c"], "scores": [3, -1, 3]}, [3.0, -1.0, 3.0]),
        ({"prompt": "Why?", "chosen": "a", "rejected": "b", "margin": 2}, [2.0, 0.0]),
        ({"prompt": "Why?", "chosen": "a", "rejected": "b", "margin": 0.0}, [0.0, 0.0]),
        ({"prompt": "Why?", "chosen": "a", "rejected": "b", "margin": None}, [None, None]),
        ({"prompt": "Why?", "chosen": "a", "rejected": "b"}, [None, None]),
        ({"chosen": messages("a"), "rejected": messages("b"), "margin": 0.25}, [0.25, 0.0]),
    ],
)
def test_each_form_says_it_in_its_own_way(
    record: dict[str, Any], strengths: list[float | None]
) -> None:
    responses = to_ranking(record).responses
    assert [one.strength for one in responses] == strengths
    assert all(isinstance(one.strength, float | None) for one in responses)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (native((1, 1), (2, "0")), "response 2: strength '0' is not a finite number"),
        (native((1, True), (2, 0)), "response 1: strength True is not a finite number"),
        (native((1, 1), (2, math.nan)), "response 2: strength nan is not a finite number"),
        (native((1, math.inf), (2, 0)), "response 1: strength inf is not a finite number"),
        (native((1, 10**400), (2, 0)), "response 1: strength is too large a number"),
        (
            {"prompt": "Why?", "responses": ["a", "b"], "scores": [10**400, 1]},
            "score 1: is too large a number",
        ),
        (
            {"prompt": "Why?", "chosen": "a", "rejected": "b", "margin": -0.5},
            "margin -0.5 is below 0; exchange chosen and rejected, or mend it",
        ),
        (
            {"prompt": "Why?", "chosen": "a", "rejected": "b", "margin": math.nan},
            "margin nan is not a finite number",
        ),
        (
            {"prompt": "Why?", "chosen": "a", "rejected": "b", "margin": "big"},
            "margin 'big' is not a finite number",
        ),
        (
            native((3, 0), (1, 1), (2, 1.5)),
            "response 2: ranks above response 3, yet its strength 1.0 is below 1.5; "
            "rank 1 is best, and a higher strength is better",
        ),
        (
            native((1, 1), (2, None), (3, 1.25)),
            "response 1: ranks above response 3, yet its strength 1.0 is below 1.25",
        ),
    ],
)
def test_unusable(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unusable) as error:
        to_ranking(record)
    assert str(error.value).startswith(reason)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.none() | st.integers(-2, 2)), min_size=2, max_size=6)
)
def test_refused_exactly_where_a_better_rank_has_a_lower_strength(
    responses: list[tuple[int, int | None]],
) -> None:
    contradicted = any(
        better < worse and high is not None and low is not None and high < low
        for (better, high), (worse, low) in permutations(responses, 2)
    )
    if contradicted:
        with pytest.raises(Unusable, match="ranks above response"):
            to_ranking(native(*responses))
    else:
        assert [one.strength for one in to_ranking(native(*responses)).responses] == [
            strength for _, strength in responses
        ]


def test_the_column_is_the_last_and_null_where_unknown(tmp_path: Path) -> None:
    table = read(
        tmp_path, native((1, 2), (2, None)), {**native((1, None), (2, None)), "source": "x"}
    )
    assert table.columns[-1] == "strength"
    assert table["strength"].dtype == np.float64
    np.testing.assert_array_equal(table["strength"], [2.0, np.nan, np.nan, np.nan])
    settings = load_settings(PARAMS).validation
    known = settings.model_copy(update={"known_domains": ["general"]})
    assert validate([table], known).result["success"]
    for name in ("a", "b"):
        write_table(tmp_path / name, table)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert pq.read_table(tmp_path / "a")["strength"].null_count == 3
    pd.testing.assert_frame_equal(read_table(tmp_path / "a"), table)


def test_strengths_in_parquet_read_like_those_in_json_lines(tmp_path: Path) -> None:
    records = [
        {"prompt": "1", "chosen": "a", "rejected": "b", "margin": 1.5},
        {"prompt": "2", "chosen": "a", "rejected": "b"},
    ]
    pd.DataFrame(records).to_parquet(tmp_path / "mine.parquet")
    table = ingest([tmp_path / "mine.parquet"], 0).responses
    np.testing.assert_array_equal(table["strength"], [1.5, 0.0, np.nan, np.nan])
    pd.testing.assert_frame_equal(table, read(tmp_path, *records))


def test_a_ranking_without_strengths_keeps_the_id_that_it_had_before_there_were_any(
    tmp_path: Path,
) -> None:
    ranked = {
        "prompt": "Why?",
        "responses": [
            {"text": text, "rank": rank} for text, rank in (("a", 1), ("b", 2), ("b", 2))
        ],
    }
    pair = {
        "prompt": "Who?",
        "chosen": "she",
        "rejected": "he",
        "prompt_id": "q",
        "domain": "facts",
    }
    ids = read(tmp_path, ranked, pair)["ranking_id"].unique().tolist()
    assert ids == ["k-31849ed74f2816a7", "k-431974203271e678"]  # of the version before strengths
    assert read(tmp_path, pair | {"margin": None})["ranking_id"][0] == ids[1]
    assert read(tmp_path, pair | {"margin": 0})["ranking_id"][0] != ids[1]


def test_the_same_ranking_with_other_strengths_is_another_record(tmp_path: Path) -> None:
    first = native((1, 2), (2, 1))
    reordered = {**first, "responses": first["responses"][::-1]}
    same = [first, reordered, native((1, 2.0), (2, 1.0))]
    other = [native((1, 3), (2, 1)), native((1, 2), (2, None)), native((1, None), (2, None))]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in same + other))
    counts = ingest([path], 0).counts
    assert (counts["rankings"], counts["duplicates"]) == (4, 2)


def test_repeated_tied_text_may_have_one_known_strength(tmp_path: Path) -> None:
    record = native((1, 2), (1, None), (2, 0))
    record["responses"][1]["text"] = "r0"
    table = read(tmp_path, record)
    np.testing.assert_array_equal(table["strength"], [2.0, np.nan, 0.0])


TWO_ANNOTATORS = responses_table(
    [
        ("who ?", [("a", 1), ("b", 2), ("c", 2), ("d", 4)]),
        ("who ?", [("b", 1), ("a", 2)]),
        ("what ?", [("a", 1), ("b", 2)]),
    ]
).assign(
    prompt_id=[*["p0"] * 6, "p1", "p1"],
    strength=[7.0, 6.5, np.nan, 4.0, 0.25, -1.0, np.nan, np.nan],
)


def test_an_example_has_the_difference_of_each_comparison() -> None:
    first, second = examples_of(TWO_ANNOTATORS, NoEncoder())  # type: ignore[arg-type]
    pairs = list(zip(first.chosen.tolist(), first.rejected.tolist(), strict=True))
    assert pairs == [(0, 1), (0, 2), (0, 3), (1, 3), (2, 3), (1, 0)]
    assert first.strength is not None
    assert second.strength is not None
    assert first.strength.tolist() == [0.5, 0.0, 3.0, 2.5, 0.0, 1.25]
    assert second.strength.tolist() == [0.0]


def test_a_table_without_the_column_knows_no_strength() -> None:
    table = TWO_ANNOTATORS.drop(columns="strength")
    for example in examples_of(table, NoEncoder()):  # type: ignore[arg-type]
        assert example.strength is not None
        assert example.strength.tolist() == [0.0] * len(example.chosen)


@pytest.mark.parametrize(
    ("per_rank", "per_strength"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.8), (0.3, 0.8)]
)
def test_the_loss_asks_for_a_margin_by_rank_distance_and_strength(
    per_rank: float, per_strength: float
) -> None:
    settings = Loss(margin_per_rank=per_rank, margin_per_strength=per_strength)
    examples = weighted(examples_of(TWO_ANNOTATORS, NoEncoder()), settings)  # type: ignore[arg-type]
    scores = [1.0, 0.4, -0.3, 0.2, -0.6, 0.9]  # of a, b, c, d to "who ?" and a, b to "what ?"
    compared = [  # chosen, rejected, rank distance, strength, pairs of the prompt
        (0, 1, 1, 0.5, 6), (0, 2, 1, 0.0, 6), (0, 3, 3, 3.0, 6), (1, 3, 2, 2.5, 6),
        (2, 3, 2, 0.0, 6), (1, 0, 1, 1.25, 6), (4, 5, 1, 0.0, 1),
    ]  # fmt: skip
    expected = sum(
        math.log1p(
            math.exp(scores[bad] - scores[good] + per_rank * ranks + per_strength * strength)
        )
        / pairs
        for good, bad, ranks, strength, pairs in compared
    )
    loss, margins = Objective(settings, 2.0)(torch.tensor(scores, dtype=torch.float64), examples)
    assert loss.item() == pytest.approx(expected / 2, rel=1e-12)
    assert margins.tolist() == pytest.approx([scores[g] - scores[b] for g, b, *_ in compared])


@pytest.mark.parametrize("kind", ["rao_kupper", "davidson", "plackett_luce"])
def test_only_bradley_terry_asks_for_a_margin(kind: Any) -> None:
    with pytest.raises(ValidationError, match=r"margin_per_strength .*belong to kind"):
        Loss(kind=kind, margin_per_strength=0.1)
    assert Loss(kind=kind).margin_per_strength == 0
    with pytest.raises(ValidationError, match="margin_per_strength"):
        Loss(margin_per_strength=-0.1)
