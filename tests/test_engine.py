"""The same bytes from a Ray cluster of three nodes as from this process, also when a node dies."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import ray
from engine_work import KILLED, Made, described, noting, refuse
from launching import HERE, TWO
from ray.cluster_utils import Cluster
from scoring_project import make_scoring_project, table

from benchmarks.ranking_files import records
from rewardgate import engine, files, ingest, score_file, splits
from rewardgate.bundle import load_promoted
from rewardgate.errors import RewardGateError
from rewardgate.files import sha256_file, sha256_folder
from rewardgate.params import change_params
from stages import ingest as ingest_stage
from stages import split as split_stage
from stages import start as start_stage

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
SOON = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000}
FILES = 12


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head and two nodes, each of them processes of this machine."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="ray-") as logs:
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (HERE.parent, HERE))))
        head = {**NODE, "include_dashboard": False, "temp_dir": logs, "_system_config": SOON}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(2):
                cluster.add_node(**NODE)
            patch.setenv("RAY_ADDRESS", cluster.address)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


@pytest.fixture
def on_ray(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The cluster as the engine, with as many nodes as ever."""
    monkeypatch.setenv(engine.VARIABLE, engine.RAY)
    yield cluster
    while len(cluster.worker_nodes) < 2:
        cluster.add_node(**NODE)


def test_a_cluster_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not ray.is_initialized()
    monkeypatch.setenv(engine.VARIABLE, engine.RAY)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(RewardGateError) as caught:
        list(engine.in_order(described, range(2)))
    assert str(caught.value) == (
        "RAY_ADDRESS: no cluster at 127.0.0.1:1 (Connection refused); start it, or unset this to "
        "use this machine alone"
    )


def test_rows_come_back_in_order_and_as_they_were(on_ray: Cluster) -> None:
    found = list(engine.in_order(described, range(20)))
    assert [row["number"] for row in found] == list(range(20))
    for row, number in zip(found, range(20), strict=True):
        for name, value in described(number).items():
            assert np.array_equal(row[name], value, equal_nan=name == "share"), name
            if isinstance(value, np.ndarray):
                assert (row[name].dtype, row[name].shape) == (value.dtype, value.shape)


def test_a_class_is_made_once_in_a_process(on_ray: Cluster) -> None:
    makers = {row["me"] for row in engine.in_order(Made, range(30), "x")}
    assert 1 <= len(makers) <= 3
    assert all(maker.startswith("x-") for maker in makers)


@pytest.mark.parametrize("chosen", ["local", "ray"])
def test_what_the_work_raises_is_raised(
    cluster: Cluster, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(engine.VARIABLE, chosen)
    with pytest.raises(RewardGateError) as caught:
        list(engine.in_order(refuse, range(6)))
    assert str(caught.value) == "record 3: no text; give it one"


def test_an_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engine.VARIABLE, "spark")
    with pytest.raises(RewardGateError, match="no engine spark; set it to local or ray"):
        list(engine.in_order(described, range(2)))


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engine.VARIABLE, engine.RAY)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RewardGateError, match=r"pip install 'rewardgate\[ray\]'"):
        list(engine.in_order(described, range(2)))


def kill_a_busy_node(cluster: Cluster, notes: Path) -> None:
    """Kill the first node, the head aside, that begins to work."""
    node_of = {node.node_id: node for node in cluster.worker_nodes}
    while not (
        busy := [at for path in notes.iterdir() if (at := path.name.split(".")[0]) in node_of]
    ):
        time.sleep(0.01)
    cluster.remove_node(node_of[busy[0]], allow_graceful=False)
    (notes / KILLED).touch()


@pytest.fixture
def dying_node(on_ray: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A node is killed in the midst of its work, which must then have been begun twice."""
    (notes := tmp_path / "notes").mkdir()
    killer = Thread(target=kill_a_busy_node, args=(on_ray, notes), daemon=True)

    def in_order(work: Callable[..., Any], *given: Any, **options: Any) -> Iterator[engine.Row]:
        killer.start()
        return engine.in_order(noting(work, notes), *given, **options)

    for module in (ingest, splits, score_file):
        monkeypatch.setattr(module, "in_order", in_order)
    yield
    killer.join(timeout=30)
    (notes / KILLED).unlink()
    begun = [path.name.split(".")[1] for path in notes.iterdir()]
    assert len(begun) > len(set(begun)) > 6


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with ranking files, ingested and split in this process."""
    project = tmp_path_factory.mktemp("local")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ROWS_A_GROUP", 300)
        patch.chdir(project)
        rankings(project)
        for stage in (ingest_stage, start_stage, split_stage):
            stage.main()
        yield project


def rankings(project: Path) -> None:
    shutil.copy(HERE.parent / "params.yaml", project)
    change_params(project / "params.yaml", ["ingest.inputs=rankings"])
    (project / "rankings").mkdir()
    lines = list(records(4000))
    for number in range(FILES):
        content = "".join(lines[number::FILES])
        (project / f"rankings/{number:02d}.jsonl").write_text(content, encoding="utf-8")


def test_a_node_dies_while_ranking_files_are_read(
    local: Path, dying_node: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rankings(tmp_path)
    ingest_stage.main()
    assert sha256_folder(tmp_path / "data/ingested") == sha256_folder(local / "data/ingested")
    assert sha256_file(tmp_path / "reports/ingest.json") == sha256_file(
        local / "reports/ingest.json"
    )


def test_a_node_dies_while_prompts_are_compared(
    local: Path, dying_node: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").symlink_to(local / "params.yaml")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/ingested").symlink_to(local / "data/ingested")
    (tmp_path / "models").symlink_to(local / "models")
    split_stage.main()
    assert sha256_folder(tmp_path / "data/split") == sha256_folder(local / "data/split")
    assert sha256_file(tmp_path / "reports/split.json") == sha256_file(local / "reports/split.json")


@pytest.fixture(scope="module")
def scoring(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("scoring") / "project"
    return make_scoring_project(tiny_encoder, tiny_decoder, folder)


def test_a_node_dies_while_responses_are_scored(
    scoring: Path, dying_node: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_file, "WINDOW", 4)
    bundle = load_promoted(scoring / "models/promoted")
    table(60).to_parquet(source := tmp_path / "in.parquet", row_group_size=50)
    rows = score_file.score_file(bundle, source, tmp_path / "ray.parquet")
    monkeypatch.setenv(engine.VARIABLE, engine.LOCAL)
    monkeypatch.setattr(score_file, "in_order", None)
    assert score_file.score_file(bundle, source, tmp_path / "local.parquet") == rows == 180
    assert sha256_file(tmp_path / "ray.parquet") == sha256_file(tmp_path / "local.parquet")


def test_two_ways_of_sharing_out_are_refused(
    scoring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(engine.VARIABLE, engine.RAY)
    command = [sys.executable, *TWO, "-m", "rewardgate", "score"]
    command += ["--input", "data/split/test.parquet", "--output", "scored.parquet"]
    run = subprocess.run(command, cwd=scoring, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "Ray and accelerate launch would both share out the rows" in run.stderr
    assert not (scoring / "scored.parquet").exists()
