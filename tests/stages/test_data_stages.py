"""ingest, validate and split as a user runs them: outputs, messages and exit codes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import stages.ingest
import stages.split
import stages.start
import stages.validate
from rewardgate.errors import BAD_INPUT, run_or_explain


def lines_of(count: int) -> list[str]:
    domains = ("facts", "safety")
    return [
        json.dumps(
            {
                "prompt": f"{number * 7919 % 1009} {number} {number * 104729 % 997}: which is it?",
                "domain": domains[number % 2],
                "responses": [
                    {"text": f"{kind} answer to {number}", "rank": rank}
                    for rank, kind in enumerate(("short", "longer", "rambling"), start=1)
                ],
            }
        )
        for number in range(count)
    ]


def write(project: Path, lines: list[str], name: str = "mine.jsonl") -> None:
    (project / "rankings" / name).write_text("".join(f"{one}\n" for one in lines))


def outputs(project: Path) -> dict[str, bytes]:
    """What the stages wrote, without what they keep of files and chunks they met before."""
    folders = (project / "data", project / "reports")
    kept = {"shards", "judged"}
    return {
        file.relative_to(project).as_posix(): file.read_bytes()
        for folder in folders
        for file in sorted(folder.rglob("*"))
        if file.is_file() and kept.isdisjoint(file.relative_to(project).parts)
    }


def run_all() -> None:
    for stage in (stages.ingest, stages.validate, stages.start, stages.split):
        assert run_or_explain(stage.main) == 0


def test_three_stages_write_their_outputs_and_again_the_same_bytes(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, lines_of(300))
    (project / "rankings" / "README.md").write_text("notes")
    run_all()
    first = outputs(project)
    assert list(first) == [
        "data/ingested/quarantine.jsonl",
        "data/ingested/responses.parquet",
        "data/split/calibration.parquet",
        "data/split/eval.parquet",
        "data/split/excluded.parquet",
        "data/split/test.parquet",
        "data/split/train.parquet",
        "reports/data_docs/index.html",
        "reports/ingest.json",
        "reports/split.json",
        "reports/validation.json",
    ]
    assert json.loads(first["reports/ingest.json"])["skipped_files"] == ["README.md"]
    assert json.loads(first["reports/validation.json"])["success"]
    out = capsys.readouterr().out
    assert "ingest: 300 rankings, 300 prompts, 900 responses from 1 files" in out
    assert "split: 0.0% of held-out pairs have a near-duplicate prompt in train" in out
    run_all()
    assert outputs(project) == first
    assert not any(str(project).encode() in content for content in first.values())


def third_line(line: str) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        lines = lines_of(20)
        lines[2] = line
        write(project, lines)

    return change


def native(*responses: dict[str, Any]) -> str:
    return json.dumps({"prompt": "Why?", "responses": list(responses)})


A = {"text": "a", "rank": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda project: (project / "rankings").rmdir(), "rankings: no such file or folder"),
        (lambda project: None, "rankings: no ranking file in this folder"),
        (lambda project: write(project, []), "rankings/mine.jsonl: line 1: the file is empty"),
        (third_line('{"prompt": '), "mine.jsonl:3: not JSON"),
        (third_line(native(A)), "mine.jsonl:3: one response only"),
        (third_line(native(A, {"text": "b", "rank": 0})), "mine.jsonl:3: response 2: rank 0"),
        (
            third_line(native(A, {"text": float("nan"), "rank": 2})),
            "mine.jsonl:3: response 2: text is not text but NaN",
        ),
        (
            lambda project: write(project, ['{"question": "Why?", "answer": "So"}'] * 5),
            "rankings/mine.jsonl: line 1: unknown columns ('answer', 'question'); accepted:",
        ),
        (
            lambda project: (project / "rankings" / "mine.jsonl.gz").write_bytes(b"\x1f\x8bno"),
            "rankings/mine.jsonl.gz: line 1: cannot be read",
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Path], None],
    message: str,
) -> None:
    change(project)
    assert run_or_explain(stages.ingest.main) == BAD_INPUT
    error = capsys.readouterr().err
    assert error.startswith("rewardgate: ")
    assert message in error
    assert error.count("\n") == 1
    assert outputs(project) == {}


def test_bad_input_keeps_the_outputs_of_the_run_before(project: Path) -> None:
    write(project, lines_of(20))
    assert run_or_explain(stages.ingest.main) == 0
    before = outputs(project)
    third_line("{")(project)
    assert run_or_explain(stages.ingest.main) == BAD_INPUT
    assert outputs(project) == before


def test_failed_expectation_stops_with_its_rows_after_writing_the_reports(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(20)
    lines[4] = json.dumps(json.loads(lines[4]) | {"prompt_id": "p5", "domain": "saftey"})
    write(project, lines)
    assert run_or_explain(stages.ingest.main) == 0
    capsys.readouterr()
    assert run_or_explain(stages.validate.main) == BAD_INPUT
    out, error = capsys.readouterr()
    assert "validate: error: known_domain: observed 3, threshold 0" in out
    assert "validate:   p5 r-" in out
    assert "expectations failed: known_domain; mend" in error
    assert error.count("\n") == 1
    assert not json.loads((project / "reports/validation.json").read_text())["success"]
    assert "saftey" in (project / "reports/data_docs/index.html").read_text()


def test_split_of_too_little_data_writes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, lines_of(3))
    for stage in (stages.ingest, stages.start):
        assert run_or_explain(stage.main) == 0
    assert run_or_explain(stages.split.main) == BAD_INPUT
    assert "from 3 prompts; add rankings" in capsys.readouterr().err
    assert not (project / "data/split").exists()


@pytest.mark.parametrize(
    ("stage", "missing"),
    [
        (stages.validate, "data/ingested/responses.parquet"),
        (stages.split, "models/start.json"),
    ],
)
def test_stage_without_its_input(
    project: Path, capsys: pytest.CaptureFixture[str], stage: Any, missing: str
) -> None:
    assert run_or_explain(stage.main) == BAD_INPUT
    assert f"{missing}: no such file; run the stage" in capsys.readouterr().err


def test_quarantined_lines_are_written(project: Path) -> None:
    write(project, [*lines_of(200), "{"])
    assert run_or_explain(stages.ingest.main) == 0
    lines = (project / "data/ingested/quarantine.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in lines] == [201]
    assert len(pd.read_parquet(project / "data/ingested/responses.parquet")) == 600
