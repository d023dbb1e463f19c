"""What runs cost, from hand-written logs."""

import re
from pathlib import Path
from typing import Any

from project import ROOT

from rewardgate.costs import run_costs
from rewardgate.costs_report import run_rows, stage_rows
from rewardgate.report.costs_page import plot_costs, render_costs
from rewardgate.stage_log import LOG, append
from tests.project import Project

ORDER = ["ingest", "split", "train", "gate", "promote"]


def order(ran: Any) -> list[str]:
    """A chain: what leads to a stage is all before it."""
    last = max(ORDER.index(one) for one in ran if one in ORDER)
    return ORDER[: last + 1]


def began(run: str, stage: str, time: str = "2026-11-25T12:00:00+00:00") -> dict[str, Any]:
    return {"event": "started", "run": run, "stage": stage, "time": time}


def ended(run: str, stage: str, seconds: float, peak: float, code: int = 0) -> dict[str, Any]:
    return {
        **began(run, stage),
        "event": "ended",
        "seconds": seconds,
        "cpu_seconds": seconds / 2,
        "peak_mib": peak,
        "exit_code": code,
        "counts": {"prompts": 1200},
    }


def both(run: str, stage: str, *figures: Any) -> list[dict[str, Any]]:
    return [began(run, stage), ended(run, stage, *figures)]


FIRST = [
    *both("first", "ingest", 1.5, 100.0),
    *both("first", "split", 2.5, 300.0),
    *both("first", "train", 60.0, 900.0),
    *both("first", "gate", 4.0, 200.0),
    *both("first", "promote", 1.0, 90.0, 3),
]
SECOND = [*both("second", "gate", 5.0, 250.0), *both("second", "promote", 1.0, 90.0)]
KILLED = [
    *both("killed", "train", 8.0, 700.0, 1),
    *both("killed", "train", 9.0, 800.0),
    began("killed", "gate"),
]


def test_sums_peaks_and_cache_hits() -> None:
    first, second, killed = run_costs([*FIRST, *SECOND, *KILLED], order)
    assert (first.seconds, first.cpu_seconds, first.peak_mib) == (69.0, 34.5, 900.0)
    assert (first.cached, first.outcome) == (0, "blocked")
    assert [one.outcome for one in second.stages] == ["cached"] * 3 + ["ran"] * 2
    assert (second.seconds, second.peak_mib, second.cached) == (6.0, 250.0, 3)
    assert second.outcome == "ran"
    train, gate = killed.stages[-2:]
    assert (train.attempts, train.seconds, train.peak_mib) == (2, 17.0, 800.0)
    assert (train.outcome, gate.outcome, killed.outcome) == ("ran", "unfinished", "unfinished")


def test_runs_that_overlap_or_a_clock_set_back_change_no_order() -> None:
    mixed = [one for pair in zip(FIRST, FIRST, strict=True) for one in pair]
    mixed = [{**one, "run": "b" if i % 2 else "a"} for i, one in enumerate(mixed)]
    mixed[0]["time"] = "2030-01-01T00:00:00+00:00"
    a, b = run_costs(mixed, order)
    assert (a.run, b.run) == ("a", "b")
    assert a.stages == b.stages


def test_a_stage_that_left_the_pipeline_is_still_counted() -> None:
    (cost,) = run_costs([*both("old", "clean", 3.0, 50.0), *both("old", "gate", 1.0, 20.0)], order)
    assert [one.stage for one in cost.stages] == ["ingest", "split", "train", "gate", "clean"]
    assert cost.seconds == 4.0


def test_rows_and_page() -> None:
    costs = run_costs([*FIRST, *SECOND, *KILLED], order)
    assert stage_rows(costs[1])[0] == ("ingest", "cached", "", "", "", "")
    assert stage_rows(costs[1])[3] == ("gate", "ran", "5.0", "2.5", "250", "1,200 prompts")
    assert stage_rows(costs[1])[-1] == ("all", "3 of 5 cached", "6.0", "3.0", "250", "")
    assert stage_rows(costs[2])[2][1] == "ran, attempt 2"
    assert run_rows(costs)[0] == (
        "first", "2026-11-25 12:00", "blocked", "69.0", "34.5", "900", "5", "0"
    )  # fmt: skip
    page = render_costs(costs)
    assert page == render_costs(costs)
    assert re.findall(r'(?:src|href)="([^#"][^"]*)"', page) == ["data:,", "../reports/report.html"]
    assert page.index(">killed<") < page.index(">second<") < page.index(">first<")
    assert "1,200 prompts" in page


def test_names_from_the_log_are_escaped() -> None:
    page = render_costs(run_costs(both("<script>", "gate", 1.0, 1.0), order))
    assert "<script>" not in page


def test_the_picture(tmp_path: Path) -> None:
    plot_costs(run_costs([*FIRST, *SECOND, *KILLED], order), tmp_path / "costs.png")
    assert (tmp_path / "costs.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_reads_the_log_of_the_project(tmp_path: Path) -> None:
    """The order comes from the dvc.yaml that is shipped."""
    for name in ("dvc.yaml", "params.yaml", ".gitignore"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    project = Project(tmp_path)
    for command in (("git", "init", "-q"), ("dvc", "init", "-q")):
        assert project.run(*command).returncode == 0
    without = project.run("rewardgate", "costs")
    assert without.returncode == 2
    assert without.stderr == (
        "rewardgate: logs/stages.jsonl: no stage was run here yet; run `rewardgate run`\n"
    )
    for event in [*both("monday", "validate", 3.0, 100.0), *both("monday", "split", 4.0, 50.0)]:
        append(tmp_path / LOG, event)
    finished = project.run("rewardgate", "costs")
    assert finished.returncode == 0, finished.stderr
    rows = [line.split() for line in finished.stdout.splitlines()]
    assert ["simulate", "cached"] in rows
    assert ["ingest", "cached"] in rows
    assert ["split", "ran", "4.0", "2.0", "50"] in rows
    assert ["all", "3", "of", "5", "cached", "7.0", "3.5", "100"] in rows
    assert ["monday", "2026-11-25", "12:00", "ran", "7.0", "3.5", "100", "2", "3"] in rows
    for name in ("costs.html", "costs.png"):
        assert (tmp_path / "logs" / name).is_file()
    assert "logs" not in project.run("git", "status", "--short").stdout
