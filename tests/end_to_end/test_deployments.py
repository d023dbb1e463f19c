"""Deployments with the real Prefect server, worker, schedules and automations, on loopback."""

import json
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from judged_project import EVALUATION, make_judged_project
from policies import figure
from project import ROOT, Project
from scoring_project import CALIBRATION, make_scoring_project, publish_bundle
from served_prefect import post, prefect_server, running, runs, wait_for, webhook

from flows.reevaluate import same_data
from flows.retrain import nothing_new
from rewardgate.bundle import load_promoted
from rewardgate.errors import BAD_INPUT
from rewardgate.files import read_json, sha256_file, write_json, write_table, write_text

DEPLOYED = ("retrain/weekly", "retrain/new-rankings", "reevaluate/nightly", "drift/nightly")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prefect_server(tmp_path_factory.mktemp("server")) as address:
        yield address


def project_with_code(path: Path) -> Project:
    """A project folder made to one that a worker can run flows in."""
    for name in ("rewardgate", "stages", "flows"):
        (path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "prefect.yaml", path)
    (path / "data").mkdir(exist_ok=True)
    shutil.copy(ROOT / "data/stress_cases.yaml", path / "data")
    return Project(path)


def judged_project(path: Path, accuracy: float) -> Project:
    """A project of two stages: judge the reports, of which one says `accuracy`, and promote."""
    project = project_with_code(make_judged_project(path))
    measured(project, accuracy)
    write_text(
        path / "judge.py",
        f"import sys, time; sys.path.append({str(ROOT / 'tests')!r})\n"
        "from pathlib import Path\n"
        "from judged_project import judge\n"
        "judge(Path())\n",
    )
    gate = {
        "cmd": "python judge.py",
        "deps": ["reports/evaluation.json"],
        "outs": ["reports/verdict.json"],
    }
    promote = {
        "cmd": "python -m stages.promote",
        "always_changed": True,
        "deps": ["reports/verdict.json"],
    }
    (path / "dvc.lock").unlink()
    write_text(path / "dvc.yaml", yaml.safe_dump({"stages": {"gate": gate, "promote": promote}}))
    project.set("ingest.inputs=data/stress_cases.yaml")  # there is no ingest stage to read it
    for command in (("git", "init", "-q"), ("dvc", "init", "-q")):
        assert project.run(*command).returncode == 0
    return project


def measured(project: Project, accuracy: float) -> None:
    report = read_json(project.path / "reports/evaluation.json")
    figures = {"figures": {"accuracy": figure(accuracy)}}
    write_json(
        project.path / "reports/evaluation.json",
        {**report, "test": {**EVALUATION["test"], "accuracy": accuracy, **figures}},
    )


def deploy(project: Project, url: str, *arguments: str) -> Any:
    return project.run("env", f"PREFECT_API_URL={url}", "python", "-m", "flows.deploy", *arguments)


def test_schedules_fire_queue_refuse_notify_and_promote(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = judged_project(tmp_path / "project", accuracy=0.5)
    content = yaml.safe_load((project.path / "prefect.yaml").read_text(encoding="utf-8"))
    content["deployments"][1]["schedules"] = [{"interval": 20}]
    write_text(project.path / "prefect.yaml", yaml.safe_dump(content))
    command = ["prefect", "worker", "start", "--pool", "rewardgate"]
    environment = {"PREFECT_API_URL": url, "PREFECT_WORKER_QUERY_SECONDS": "1"}

    def ended(flow: str, state: str) -> dict[str, Any] | None:
        return next((run for run in runs(url, flow) if run["state"]["name"] == state), None)

    with webhook() as (address, posted):
        deployed = deploy(project, url, "--webhook", address)
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        for name in DEPLOYED:
            assert f"{name}: next at " in deployed.stdout
        for name in ("retrain/weekly", "drift/nightly"):
            asked = project.run(
                "env", f"PREFECT_API_URL={url}", "prefect", "deployment", "run", name
            )
            assert asked.returncode == 0, asked.stdout + asked.stderr
        with running(project, command, environment):
            blocked = wait_for(lambda: ended("retrain", "Blocked"), "a blocked run", 240)
            assert not (project.path / "models/promoted/current").exists()
            measured(project, 0.9)
            promoted = wait_for(lambda: ended("retrain", "Completed"), "a promotion", 240)
            drifted = wait_for(lambda: ended("drift", "BadInput"), "the drift check", 120)
            wait_for(lambda: len(posted) >= 2, "two notifications", 30)

    assert promoted["auto_scheduled"]
    for before, after in pairwise(run for run in runs(url, "retrain") if run["end_time"]):
        assert before["expected_start_time"] < after["expected_start_time"]
        assert before["end_time"] <= after["start_time"], "two runs went at a time"

    assert blocked["state_type"] == "FAILED"
    assert "accuracy is 0.500" in blocked["state"]["message"]
    artifacts = post(url, "artifacts/filter", artifacts={"key": {"any_": ["checklist"]}})
    (checklist,) = [one for one in artifacts if one["flow_run_id"] == blocked["id"]]
    assert checklist["data"].startswith("# Verdict: blocked")
    assert "**FAIL**" in checklist["data"]

    notified = {one["run"]: one for one in posted}
    assert notified.keys() == {blocked["name"], drifted["name"]}
    told = notified[blocked["name"]]
    assert (told["flow"], told["state"]) == ("retrain", "Blocked")
    assert "accuracy is 0.500" in told["message"]
    assert told["url"] == f"{url.removesuffix('/api')}/runs/flow-run/{blocked['id']}"
    assert "scored.parquet: no such file" in notified[drifted["name"]]["message"]

    monkeypatch.chdir(project.path)
    (project.path / "models/promoted/current").unlink()
    assert nothing_new(), "what was promoted once is not promoted again"
    shutil.rmtree(project.path / "models/promoted")
    assert not nothing_new(), "a promotion that was cut off is made up for"
    measured(project, 0.95)
    assert not nothing_new()


def test_a_bad_schedule_or_address_deploys_nothing(tmp_path: Path) -> None:
    project = Project(tmp_path)
    write_text(tmp_path / "dvc.yaml", "stages: {}\n")
    write_text(tmp_path / "params.yaml", "{}\n")
    good = (ROOT / "prefect.yaml").read_text(encoding="utf-8")
    write_text(tmp_path / "prefect.yaml", good.replace("0 3 * * 1", "0 3 * * 8"))
    for name in ("rewardgate", "stages", "flows"):
        (tmp_path / name).symlink_to(ROOT / name)
    nobody = "http://127.0.0.1:9/api"
    for address, arguments, fault in (
        (nobody, (), "rewardgate: prefect.yaml: retrain/weekly: schedule 1: cron '0 3 * * 8': "),
        (nobody, ("--webhook", "slack"), "rewardgate: --webhook slack: no URL"),
    ):
        refused = deploy(project, address, *arguments)
        assert refused.returncode == BAD_INPUT
        assert refused.stderr.startswith(fault)
        assert len(refused.stderr.splitlines()) == 1
    write_text(tmp_path / "prefect.yaml", good)
    for address, fault in (
        ("", "no Prefect server is named"),
        (nobody, "no Prefect server answers"),
    ):
        refused = deploy(project, address)
        assert refused.returncode == BAD_INPUT
        assert fault in refused.stderr
        assert "prefect server start" in refused.stderr


STATES_OF = """
import json, sys
from flows.{flow} import {flow}
for arguments in json.loads(sys.argv[1]):
    state = {flow}(**arguments, return_state=True)
    print("state", json.dumps([state.type.value, state.name, state.message]))
"""


def states(project: Project, url: str, flow: str, *cases: dict[str, Any]) -> list[list[str]]:
    """Type, name and message of the states in which runs of a flow end."""
    code = STATES_OF.format(flow=flow)
    finished = project.run("env", f"PREFECT_API_URL={url}", "python", "-c", code, json.dumps(cases))
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    return [json.loads(line.removeprefix("state ")) for line in lines if line.startswith("state ")]


@pytest.fixture(scope="module")
def scored(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """A project with a promoted model, and rankings of which the model agrees with some files."""
    path = tmp_path_factory.mktemp("reevaluate") / "project"
    project = project_with_code(make_scoring_project(tiny_encoder, tiny_decoder, path))
    project.set("gate.checks.mean_margin.threshold=0", "gate.checks.accuracy.threshold=0.65")
    model = load_promoted(path / "models/promoted")
    texts = ["good answer", "bad answer thank you very long", "the capital of france", "no"]
    known = [f"what is it and what was {i} ? " * (1 + i % 3) for i in range(6)]
    agreeing, opposed = [], []
    for prompt in [*known, *(f"is {a} plus {b} good ?" for a in range(8) for b in range(8))]:
        rewards = model.rewards([prompt] * len(texts), texts)
        order = sorted(range(len(texts)), key=lambda i: -rewards[i]["score"])
        for records, ordered in ((agreeing, order), (opposed, order[::-1])):
            responses = [{"text": texts[i], "rank": rank + 1} for rank, i in enumerate(ordered)]
            records.append(json.dumps({"prompt": prompt, "responses": responses}) + "\n")
    write_text(path / "data/agreeing/a.jsonl", "".join(agreeing))
    write_text(path / "data/opposed.jsonl", "".join(opposed))
    write_text(path / "data/few.jsonl", "".join(agreeing[:16]))
    write_text(path / "data/known.jsonl", "".join(agreeing[:6]))
    return project


def test_fresh_rankings_judge_the_promoted_model(scored: Project, url: str) -> None:
    agreeing, opposed, few, known, absent = states(
        scored,
        url,
        "reevaluate",
        *(
            {"rankings": f"data/{name}"}
            for name in ("agreeing", "opposed.jsonl", "few.jsonl", "known.jsonl", "absent")
        ),
    )
    assert agreeing[:2] == ["COMPLETED", "Completed"]
    assert "on 64 fresh prompts of data/agreeing" in agreeing[2]
    assert opposed[:2] == ["FAILED", "Worse"]
    assert "accuracy is 0.000" in opposed[2]
    assert few[:2] == ["FAILED", "Undecided"]
    assert "only 10 prompts, and 20 are needed" in few[2]
    assert known[:2] == ["FAILED", "BadInput"]
    assert "all 6 prompts" in known[2]
    assert absent[:2] == ["FAILED", "BadInput"]
    assert "data/absent: no such file or folder" in absent[2]

    report = read_json(scored.path / "reports/reevaluation.json")
    assert (report["rankings"], report["prompts"], report["left_out_prompts"]) == (
        "data/few.jsonl", 10, 6,
    )  # fmt: skip
    assert report["figures"]["accuracy"]["estimate"] == 1.0
    assert not report["data_of_the_model"]
    artifacts = post(url, "artifacts/filter", artifacts={"key": {"any_": ["reevaluation"]}})
    shown = sorted(one["data"].partition("\n")[0].rpartition(": ")[2] for one in artifacts)
    assert shown == ["fail", "pass", "undecided"]
    assert all("**that split is not the one" in one["data"] for one in artifacts)


def test_the_split_that_the_model_was_made_with_is_known_by_its_hash(
    scored: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shutil.copytree(scored.path, tmp_path / "project", symlinks=True)
    split = [f"data/split/{name}.parquet" for name in ("train", "eval", "calibration")]
    bundle = publish_bundle(
        path / "fresh",
        {"calibration": CALIBRATION, "verdict": {"champion": None}},
        path / "models/promoted",
        data={name: sha256_file(path / name) for name in split},
    )
    monkeypatch.chdir(path)
    assert same_data(bundle.name)
    shutil.copy(split[0], split[1])
    assert not same_data(bundle.name)


def test_drifted_scores_fail_the_run(scored: Project, url: str) -> None:
    scores = pd.DataFrame({"score": CALIBRATION["score_quantiles"]})
    write_table(scored.path / "same.parquet", scores)
    write_table(scored.path / "shifted.parquet", scores + 0.5)
    write_table(scored.path / "other.parquet", scores.rename(columns={"score": "reward"}))
    same, shifted, allowed, other = states(
        scored,
        url,
        "drift",
        {"scored": "same.parquet"},
        {"scored": "shifted.parquet"},
        {"scored": "shifted.parquet", "psi": 99, "ks": 1},
        {"scored": "other.parquet"},
    )
    assert same[:2] == ["COMPLETED", "Completed"]
    assert "PSI 0.000" in same[2]
    assert shifted[:2] == ["FAILED", "Drifted"]
    assert allowed[:2] == ["COMPLETED", "Completed"]
    assert other[:2] == ["FAILED", "BadInput"]
    assert "has no column score" in other[2]
