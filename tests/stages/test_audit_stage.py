"""The audit as a user runs it: its report, its messages and exit codes."""

import json
from pathlib import Path

import numpy as np
import pytest

import stages.audit
import stages.ingest
from rewardgate.errors import BAD_INPUT, run_or_explain

GOOD, BAD = ("clear", "right", "exact", "sound"), ("vague", "wrong", "muddled", "broken")


def write(project: Path, annotators: tuple[str, ...], prompts: int, backwards: str = "") -> None:
    """Rankings of three answers, one good, one middling, one bad, mostly in that order."""
    rng, lines = np.random.default_rng(1), []
    for number in range(prompts):
        annotator = annotators[number % len(annotators)] if annotators else None
        texts = [f"{rng.choice(GOOD)} and {rng.choice(GOOD)} {number}",
                 f"{rng.choice(GOOD)} but {rng.choice(BAD)} {number}",
                 f"{rng.choice(BAD)} and {rng.choice(BAD)} {number}"]  # fmt: skip
        worth = np.array([2.0, 0.0, -2.0]) * (-1 if annotator == backwards else 1)
        ranks = (-(worth + rng.gumbel(size=3))).argsort().argsort() + 1
        order = rng.permutation(3)
        responses = [{"text": texts[i], "rank": int(ranks[i])} for i in order]
        record = {"prompt": f"Question {number}?", "annotator": annotator, "responses": responses}
        lines.append(json.dumps(record) + "\n")
    (project / "rankings" / "mine.jsonl").write_text("".join(lines))
    assert run_or_explain(stages.ingest.main) == 0


def test_names_the_annotator_and_writes_the_same_bytes_again(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, ("ada", "ben", "cleo", "max"), prompts=240, backwards="max")
    capsys.readouterr()
    assert run_or_explain(stages.audit.main) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("audit: 4 annotators; least agreement with the others: max 0.")
    assert out[1].startswith("audit: max: agrees with the others in ")
    first = (project / "reports/audit.json").read_bytes()
    report = json.loads(first)
    assert [one["annotator"] for one in report["anomalous"]] == ["max"]
    assert set(report["figures"]["worst_agreement"]) == {
        "estimate", "low", "high", "prompts", "pairs",
    }  # fmt: skip
    assert run_or_explain(stages.audit.main) == 0
    assert (project / "reports/audit.json").read_bytes() == first


def test_data_without_annotators_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, (), prompts=60)
    assert run_or_explain(stages.audit.main) == 0
    out = capsys.readouterr().out
    assert "audit: 1 annotators; least agreement with the others: unknown;" in out
    assert "audit: no record names its annotator: all count as one" in out
    assert "audit: one annotator: nothing to compare with" in out
    assert json.loads((project / "reports/audit.json").read_text())["figures"][
        "worst_agreement"
    ] is None  # fmt: skip


def test_ties_only_are_one_line_and_leave_nothing_behind(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = {"prompt": "Why?", "responses": [{"text": text, "rank": 1} for text in "ab"]}
    (project / "rankings" / "mine.jsonl").write_text(json.dumps(record) + "\n")
    assert run_or_explain(stages.ingest.main) == 0
    assert run_or_explain(stages.audit.main) == BAD_INPUT
    error = capsys.readouterr().err
    assert error.startswith("rewardgate: ")
    assert "ties only; give two ranks or more" in error
    assert error.count("\n") == 1
    assert not (project / "reports/audit.json").exists()


def test_without_its_input(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_or_explain(stages.audit.main) == BAD_INPUT
    assert "data/ingested/responses.parquet: no such file; run the stage" in capsys.readouterr().err
