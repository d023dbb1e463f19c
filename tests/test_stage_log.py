"""The log of the stages: whole lines, whatever happened to those before."""

import multiprocessing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rewardgate.stage_log import append, read


def event(stage: str, **more: object) -> dict[str, object]:
    return {"event": "started", "run": "r", "stage": stage, "time": "2026-11-25T12:00:00", **more}


def write_many(path: Path, stage: str) -> None:
    for number in range(200):
        append(path, event(stage, number=number, padding="x" * 500))


def test_events_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "logs/stages.jsonl"
    assert read(path) == []
    events = [event("ingest"), event("split", counts={"prompts": 3}), event("küste")]
    for one in events:
        append(path, one)
    assert read(path) == events


def test_processes_that_write_at_once_mix_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "stages.jsonl"
    writers = [
        multiprocessing.Process(target=write_many, args=(path, stage)) for stage in ("a", "b")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for stage in ("a", "b"):
        numbers = [one["number"] for one in read(path) if one["stage"] == stage]
        assert numbers == list(range(200))


@given(kept=st.integers(min_value=0, max_value=80))
def test_a_line_cut_off_costs_no_other(tmp_path_factory, kept: int) -> None:
    path = tmp_path_factory.mktemp("log") / "stages.jsonl"
    append(path, event("before"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:kept])
    append(path, event("after"))
    assert [one["stage"] for one in read(path) if one["stage"] != "before"] == ["after"]


def test_lines_that_are_no_events_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "stages.jsonl"
    path.write_bytes(b'[1]\n{"event": "started"}\n\xff\xfe\n\n"text"\n')
    append(path, event("ingest"))
    assert [one["stage"] for one in read(path)] == ["ingest"]
