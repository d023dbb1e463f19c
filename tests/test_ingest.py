"""Ingest accounts for every record: canonical, duplicate, quarantined or refused."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.canonical import COLUMNS
from rewardgate.errors import RewardGateError
from rewardgate.ingest import find_inputs, ingest


def record(prompt: str = "Why?", texts: str = "ab", **fields: Any) -> dict[str, Any]:
    responses = [{"text": text, "rank": rank} for rank, text in enumerate(texts, start=1)]
    return {"prompt": prompt, "responses": responses, **fields}


def write(path: Path, *records: Any) -> Path:
    lines = [line if isinstance(line, str) else json.dumps(line) for line in records]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_canonical_table_with_defaults(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.v2.jsonl", record(" Why\r\nnot? "))
    responses = ingest([path], 0).responses
    assert responses.columns.tolist() == COLUMNS
    assert responses["rank"].dtype == "int32"
    first = responses.iloc[0]
    assert first[["prompt", "domain", "source", "annotator"]].tolist() == [
        "Why\nnot?", "general", "mine.v2", "unknown",
    ]  # fmt: skip
    # sha256("Why\nnot?") and sha256("a"), first 16 hex digits
    assert first["prompt_id"] == "p-3b7a5e0254f24aea"
    assert first["response_id"] == "r-ca978112ca1bbdca"
    assert responses[["text", "rank"]].to_numpy().tolist() == [["a", 1], ["b", 2]]


def test_repeated_tied_text_keeps_distinct_response_ids(tmp_path: Path) -> None:
    one = record(texts="xyz")
    one["responses"] = [
        {"text": text, "rank": rank} for text, rank in (("x", 1), ("x", 1), ("y", 2))
    ]
    ids = ingest([write(tmp_path / "a.jsonl", one)], 0).responses["response_id"]
    assert ids.nunique() == 3
    assert ids[1] == f"{ids[0]}-2"


def test_exact_duplicates_are_dropped_and_counted_across_files(tmp_path: Path) -> None:
    reordered = record()
    reordered["responses"].reverse()
    paths = [
        write(tmp_path / "a.jsonl", record(), record(annotator="ada")),
        write(tmp_path / "b.jsonl", reordered, record("What?")),
    ]
    ingested = ingest(paths, 0)
    assert ingested.responses["ranking_id"].nunique() == 3
    assert ingested.counts["duplicates"] == 1
    assert [one["duplicates"] for one in ingested.counts["files"]] == [0, 1]


def test_quarantine_names_file_line_and_reason(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        record("1"), '{"prompt": ', record("2", texts="a"), record("3"), {"x": 1},
    )  # fmt: skip
    ingested = ingest([path], 0.6)
    assert [(one["file"], one["line"]) for one in ingested.quarantine] == [
        ("a.jsonl", 2), ("a.jsonl", 3), ("a.jsonl", 5),
    ]  # fmt: skip
    assert ingested.quarantine[1]["reason"] == "one response only; a ranking needs two or more"
    assert "unknown columns ('x')" in ingested.quarantine[2]["reason"]
    assert ingested.counts["quarantined"] == 3
    assert ingested.counts["quarantined_share"] == 0.6
    assert ingested.responses["prompt"].unique().tolist() == ["1", "3"]


def test_too_many_quarantined(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", record(), record("2"), "{", "[", "3", "4")
    with pytest.raises(RewardGateError) as error:
        ingest([path], 0.5)
    assert "4 of 6 records cannot be used (66.7%, ingest.max_quarantined_share is 50.0%)" in str(
        error.value
    )
    assert "a.jsonl:3: not JSON" in str(error.value)
    assert str(error.value).endswith("; and 1 more")


def test_file_without_a_usable_record_is_refused_at_any_share(tmp_path: Path) -> None:
    good, bad = write(tmp_path / "a.jsonl", record()), write(tmp_path / "b.jsonl", "{", {"x": 1})
    with pytest.raises(RewardGateError, match=r"b\.jsonl: no record can be used: b\.jsonl:1: not"):
        ingest([good, bad], 1.0)


def test_unknown_column_set_names_columns_and_forms(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"question": "Why?", "answer": "So"})
    with pytest.raises(RewardGateError) as error:
        ingest([path], 1.0)
    assert str(error.value).startswith(
        f"{path}: line 1: unknown columns ('answer', 'question'); accepted: prompt + responses"
    )


def test_prompt_id_keeps_its_first_prompt(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "a.jsonl", record("1", prompt_id="p")),
        write(
            tmp_path / "b.jsonl", record("2", prompt_id="p"), record("1", prompt_id="p", texts="ba")
        ),
    ]
    ingested = ingest(paths, 0.5)
    assert ingested.quarantine == [
        {"file": "b.jsonl", "line": 1, "reason": "prompt_id 'p' has another prompt in a.jsonl:1"}
    ]
    assert ingested.responses["prompt"].tolist() == ["1"] * 4


def test_mixed_forms_in_one_file(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        record(),
        {"prompt": "Who?", "chosen": "she", "rejected": "he"},
        {"prompt": "How?", "responses": ["x", "y"], "scores": [0.1, 0.2]},
    )
    assert ingest([path], 0).counts["files"][0]["forms"] == {
        "chosen/rejected text": 1, "rankings": 1, "scores": 1,
    }  # fmt: skip


def test_parquet_reads_like_jsonl(tmp_path: Path) -> None:
    records = [record("1", domain="facts"), record("2", texts="xyz", domain="safety")]
    pd.DataFrame(records).to_parquet(tmp_path / "a.parquet")
    write(tmp_path / "a.jsonl", *records)
    pd.testing.assert_frame_equal(
        ingest([tmp_path / "a.parquet"], 0).responses, ingest([tmp_path / "a.jsonl"], 0).responses
    )


def test_find_inputs_sorts_files_and_names_the_rest(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.parquet", "README.md", "._a.jsonl"):
        (tmp_path / name).touch()
    (tmp_path / "sub.jsonl").mkdir()
    inputs = find_inputs(tmp_path)
    assert [file.name for file in inputs.files] == ["a.parquet", "b.jsonl"]
    assert inputs.skipped == ["._a.jsonl", "README.md", "sub.jsonl"]
    assert find_inputs(tmp_path / "b.jsonl").files == [tmp_path / "b.jsonl"]
    with pytest.raises(RewardGateError, match="no such file or folder"):
        find_inputs(tmp_path / "none")
    with pytest.raises(RewardGateError, match="no ranking file in this folder"):
        find_inputs(tmp_path / "sub.jsonl")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["prompt", "responses", "text", "rank", "scores", "role", "content"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["prompt", "responses", "scores", "chosen", "rejected", "prompt_id"]),
            anything,
            max_size=4,
        ),
        max_size=4,
    )
)
def test_any_json_record_is_taken_or_quarantined(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    path = write(tmp_path_factory.mktemp("in") / "a.jsonl", record("good"), *records)
    counts = ingest([path], 1.0).counts
    assert counts["records"] == 1 + len(records)
    assert counts["records"] == counts["rankings"] + counts["duplicates"] + counts["quarantined"]
