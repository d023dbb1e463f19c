"""Both verdicts on the shipped settings: an honest promotion, and an honest refusal after it."""

import json
import time
from pathlib import Path

import pytest
from project import Project, make_project

from rewardgate.errors import BLOCKED
from rewardgate.files import sha256_folder


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The README's first command on the shipped settings."""
    project = make_project(tmp_path_factory.mktemp("verdicts"))
    finished = project.run("rewardgate", "run")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "PROMOTED" in finished.stdout.upper()
    return project


def verdict(project: Project) -> dict:
    return json.loads((project.path / "reports/verdict.json").read_text(encoding="utf-8"))


def current(project: Project) -> Path:
    return (project.path / "models/promoted/current").resolve()


def test_the_default_is_promoted_on_all_items(promoted: Project) -> None:
    judged = verdict(promoted)
    assert judged["verdict"] == "promoted"
    assert {item["outcome"] for item in judged["items"]} == {"pass", "not applicable"}
    assert [item["key"] for item in judged["items"] if item["outcome"] == "not applicable"] == [
        "champion"
    ]
    assert judged["champion"] is None
    record = json.loads((current(promoted) / "manifest.json").read_text(encoding="utf-8"))
    assert record["model_sha256"] == judged["model_sha256"]
    assert record["git"]["commit"]


def test_no_trivial_rule_reaches_the_accuracy_that_the_gate_asks_for(promoted: Project) -> None:
    report = json.loads((promoted.path / "reports/evaluation.json").read_text(encoding="utf-8"))
    longest = report["test"]["length"]["longest_wins_accuracy"]
    assert max(longest, 1 - longest) < 0.65 < report["test"]["accuracy"]


def test_running_again_does_no_work_and_takes_seconds(promoted: Project) -> None:
    before = promoted.lock()
    started = time.monotonic()
    finished = promoted.run("rewardgate", "run")
    assert finished.returncode == 0
    assert "no stage was run" in finished.stdout
    assert "Running stage" not in finished.stdout
    assert time.monotonic() - started < 60
    assert promoted.lock() == before


def test_the_promoted_model_scores_a_response(promoted: Project) -> None:
    question = "The bakery on Mill Road opens at 7 and sells rye bread. When does it open?"
    rewards = {}
    for answer in ("It opens at 7.", "It opens at 11.", "ok", ""):
        finished = promoted.run("rewardgate", "score", "--json", question, answer)
        assert finished.returncode == 0, finished.stderr
        rewards[answer] = json.loads(finished.stdout)
    assert rewards["It opens at 7."]["model"] == current(promoted).name
    assert rewards["It opens at 7."]["score"] > rewards["ok"]["score"]
    assert rewards[""]["reward"] == -5.0


def test_annotators_who_love_length_are_blocked_and_the_promoted_model_stays(
    promoted: Project,
) -> None:
    champion, before = current(promoted), sha256_folder(current(promoted))
    changes = ("--set", "preset=biased", "--set", "simulate.prompts=500")  # as many suffice
    finished = promoted.run("rewardgate", "run", *changes)
    assert finished.returncode == BLOCKED, finished.stdout + finished.stderr
    judged = verdict(promoted)
    (edge_cases,) = [line for line in judged["failures"] if line.startswith("edge_cases: ")]
    assert "share ranked below the correct, brief one" in edge_cases
    assert "long rambling" in edge_cases
    assert "long rambling" in finished.stderr
    (length,) = [line for line in judged["failures"] if line.startswith("length: ")]
    assert "accuracy where the chosen response is shorter" in length
    assert judged["champion"]["version"] == champion.name
    (against,) = [line for line in judged["failures"] if line.startswith("champion: ")]
    assert "share kept in order, against the champion" in against
    assert "long rambling" in against
    assert current(promoted) == champion
    assert sha256_folder(champion) == before
    assert list((promoted.path / "models/refused").iterdir())
