"""Ingest reads each file once, in pieces, and writes what it would write from scratch."""

import json
from pathlib import Path
from typing import Any

import pytest

from rewardgate import files, shards
from rewardgate.errors import RewardGateError
from rewardgate.ingest import ingest_files


def line(number: int, **fields: Any) -> str:
    responses = [{"text": f"{kind} {number}", "rank": rank} for rank, kind in enumerate("abc", 1)]
    return json.dumps({"prompt": f"Question {number}?", "responses": responses, **fields}) + "\n"


def write(folder: Path) -> list[Path]:
    """Three files with broken lines, duplicates and a prompt_id for two prompts, over files."""
    folder.mkdir()
    (folder / "b.jsonl").write_text(
        line(1) + line(2, prompt_id="p") + "{\n" + line(3) + line(1) + line(4, prompt_id="q")
    )
    (folder / "c.jsonl").write_text(line(3) + line(5, prompt_id="p") + line(6) + "[]\n" + line(2))
    (folder / "a.jsonl").write_text(line(6) + line(7, prompt_id="q") + line(8))
    return sorted(folder.iterdir())


def kept(parent: Path) -> list[Path]:
    return [entry for entry in parent.iterdir() if entry.is_dir()]


def run(inputs: list[Path], folder: Path) -> dict[str, bytes]:
    """The outputs and the counts of an ingest into `folder`, where earlier shards may lie."""
    counts = ingest_files(inputs, 0.9, folder, folder / "shards")
    outputs = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    return {**outputs, "counts": json.dumps(counts).encode()}


def test_a_new_file_is_read_alone_and_the_result_is_that_of_scratch(tmp_path: Path) -> None:
    inputs = write(tmp_path / "in")
    run(inputs[1:], tmp_path / "weekly")
    before = {folder.name: folder.stat() for folder in kept(tmp_path / "weekly/shards")}
    weekly = run(inputs, tmp_path / "weekly")
    after = {folder.name: folder.stat() for folder in kept(tmp_path / "weekly/shards")}
    assert len(before) == 2
    assert len(after) == 3
    assert {name: after[name] for name in before} == before
    # a.jsonl sorts first: line 4 of b.jsonl, whose prompt_id was free before, is a fault now
    assert weekly == run(inputs, tmp_path / "scratch")
    assert weekly["quarantine.jsonl"].decode().splitlines()[1] == json.dumps(
        {"file": "b.jsonl", "line": 6, "reason": "prompt_id 'q' has another prompt in a.jsonl:2"}
    )
    assert json.loads(weekly["counts"])["duplicates"] == 3


def test_a_changed_file_is_read_again_and_its_old_shard_goes(tmp_path: Path) -> None:
    inputs = write(tmp_path / "in")
    run(inputs, tmp_path / "weekly")
    inputs[2].write_text(line(9))
    inputs[1].rename(inputs[1].with_name("d.jsonl"))
    inputs[1] = inputs[1].with_name("d.jsonl")
    assert run(inputs, tmp_path / "weekly") == run(inputs, tmp_path / "scratch")
    assert len(kept(tmp_path / "weekly/shards")) == 3


def test_what_is_read_does_not_depend_on_the_size_of_the_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = write(tmp_path / "in")
    whole = run(inputs, tmp_path / "whole")
    monkeypatch.setattr(shards, "RECORDS_AT_ONCE", 2)
    assert run(inputs, tmp_path / "pieces") == whole
    monkeypatch.setattr(files, "ROWS_A_GROUP", 4)
    groups = run(inputs, tmp_path / "groups")
    assert groups["counts"] == whole["counts"]
    assert files.read_table(tmp_path / "groups/responses.parquet").equals(
        files.read_table(tmp_path / "whole/responses.parquet")
    )


def test_a_file_that_others_leave_nothing_of_is_refused_and_shards_stay(tmp_path: Path) -> None:
    inputs = write(tmp_path / "in")
    inputs[1].write_text(line(10, prompt_id="q"))
    with pytest.raises(RewardGateError, match=r"b\.jsonl: no record can be used: b\.jsonl:1: prom"):
        run(inputs, tmp_path / "out")
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["shards"]
