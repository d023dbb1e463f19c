"""What one machine pushed, another pulls: the promoted model without any training."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import pytest
from judged_project import accuracy_checks
from moto.server import ThreadedMotoServer
from policies import SETTINGS
from project import Project, make_project, tiny_changes

from rewardgate.errors import BAD_INPUT
from rewardgate.manifest import read_manifest

GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org")
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


@dataclass(frozen=True)
class Machine(Project):
    """A project folder with variables of its own in the environment."""

    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in super().environment.items() if name not in KEYS}
        elsewhere = {"AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_EC2_METADATA_DISABLED": "true"}
        return {**own, **elsewhere, **self.variables}

    def done(self, *command: str) -> str:
        finished = self.run(*command)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout


@pytest.fixture(scope="module")
def promoted(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny project that promoted, its dvc.lock committed."""
    checks = f"gate.checks={json.dumps(accuracy_checks(SETTINGS.gate.items, 0.0))}"
    path = tmp_path_factory.mktemp("remotes") / "first"
    path.mkdir()
    project = Machine(make_project(path, *tiny_changes(tiny_encoder), checks).path)
    project.done("dvc", "repro", "promote")
    project.done(*GIT, "add", "dvc.lock")
    project.done(*GIT, "commit", "-qm", "promote")
    return path


@pytest.fixture
def s3() -> Iterator[str]:
    """The address of an S3-compatible server with the bucket `models`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {name.lower(): value for name, value in KEYS.items()}
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="models")
    yield url
    server.stop()


def share(first: Path, target: Path, *remote: tuple[str, ...], variables: dict[str, str]) -> Path:
    """Push from the first machine to a remote; a fresh clone that knows the remote."""
    project = Machine(first, variables)
    for command in remote:
        project.done("dvc", "remote", *command)
    project.done(*GIT, "commit", "-qam", "name the remote")
    project.done("dvc", "push")
    subprocess.run(["git", "clone", "-q", str(first), str(target)], check=True)
    return target


def assert_reproduced(first: Path, clone: Path, variables: dict[str, str]) -> None:
    machine = Machine(clone, variables)
    machine.done("dvc", "pull", "--with-deps", "promote")
    told = machine.done("dvc", "repro", "promote")
    ran = [line for line in told.splitlines() if line.startswith("Running stage")]
    assert ran == [f"Running stage '{stage}':" for stage in ("start", "champion", "promote")]
    ours, theirs = (
        read_manifest((path / "models/promoted/current").resolve()) for path in (first, clone)
    )
    assert theirs.model_sha256 == ours.model_sha256
    assert theirs.files == ours.files
    assert "pass  verdict" in machine.done("rewardgate", "verify")
    assert "reward" in machine.done("rewardgate", "score", "2 + 2?", "4")


def test_a_folder_as_remote(promoted: Path, tmp_path: Path) -> None:
    remote = ("add", "-d", "-f", "store", str(tmp_path / "store"))
    clone = share(promoted, tmp_path / "clone", remote, variables={})
    assert_reproduced(promoted, clone, {})


def test_s3_as_remote_and_its_missing_credentials(promoted: Path, s3: str, tmp_path: Path) -> None:
    remote = (("add", "-d", "-f", "store", "s3://models/dvc"),
              ("modify", "store", "endpointurl", s3))  # fmt: skip
    clone = share(promoted, tmp_path / "clone", *remote, variables=KEYS)
    for variables, fault in (
        ({}, "no credentials"),
        ({"AWS_ACCESS_KEY_ID": "key"}, "half of the credentials"),
    ):
        for command in ("pull", "push"):
            without = Machine(clone, variables).run("rewardgate", command)
            assert without.returncode == BAD_INPUT
            assert without.stderr == (
                f"rewardgate: remote store (s3://models/dvc): {fault}; export AWS_ACCESS_KEY_ID "
                "and AWS_SECRET_ACCESS_KEY, or name a profile with `dvc remote modify --local "
                "store profile PROFILE`\n"
            )
    Machine(clone, KEYS).done("rewardgate", "pull")
    assert_reproduced(promoted, clone, KEYS)
    Machine(clone, KEYS).done("rewardgate", "push")


def test_a_remote_that_does_not_answer_or_is_not_named_is_one_line(tmp_path: Path) -> None:
    project = Machine(make_project(tmp_path).path, KEYS)
    (tmp_path / "data/rankings.jsonl").write_text("{}\n")
    project.done("dvc", "add", "data/rankings.jsonl")
    unnamed = project.run("rewardgate", "push")
    assert unnamed.returncode == BAD_INPUT
    assert unnamed.stderr == (
        "rewardgate: dvc push: no remote is named; `dvc remote add --default NAME URL`\n"
    )
    project.done("dvc", "remote", "add", "-d", "store", "s3://models/dvc")
    project.done("dvc", "remote", "modify", "store", "endpointurl", "http://127.0.0.1:9")
    dead = project.run("rewardgate", "push")
    assert dead.returncode == BAD_INPUT
    assert dead.stderr.startswith(
        "rewardgate: remote store (s3://models/dvc): does not answer; start it, or mend its address"
    )
    assert dead.stderr.count("\n") == 1


def test_a_remote_that_is_gone_leaves_what_was_promoted(promoted: Path, tmp_path: Path) -> None:
    remote = ("add", "-d", "-f", "store", str(tmp_path / "store"))
    clone = share(promoted, tmp_path / "clone", remote, variables={})
    assert_reproduced(promoted, clone, {})
    os.rename(tmp_path / "store", tmp_path / "away")
    shutil.rmtree(clone / ".dvc/cache")
    machine = Machine(clone)
    machine.done("rm", "data/split/test.parquet")
    assert machine.run("dvc", "pull", "--with-deps", "promote").returncode != 0
    assert "reward" in machine.done("rewardgate", "score", "2 + 2?", "4")
    os.rename(tmp_path / "away", tmp_path / "store")
    machine.done("dvc", "pull", "--with-deps", "promote")
    assert (clone / "data/split/test.parquet").is_file()
