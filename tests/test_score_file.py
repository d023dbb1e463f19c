import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scoring_project import make_scoring_project, table

from rewardgate.bundle import Promoted, load_promoted
from rewardgate.errors import BAD_INPUT, RewardGateError
from rewardgate.files import sha256_file
from rewardgate.score_file import score_file


@pytest.fixture(scope="module")
def project(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("score-file") / "project"
    return make_scoring_project(tiny_encoder, tiny_decoder, folder)


@pytest.fixture(scope="module")
def bundle(project: Path) -> Promoted:
    return load_promoted(project / "models/promoted")


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rewardgate.score_file.WINDOW", 4)


def written(path: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.usefixtures("small_windows")
def test_every_row_gets_the_rewards_of_its_response(bundle: Promoted, tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "new" / "out.parquet"
    responses = table(5)
    responses.to_parquet(source)
    assert score_file(bundle, source, target) == len(responses) > 8
    scored = pd.read_parquet(target)
    pd.testing.assert_frame_equal(scored[responses.columns], responses)
    assert list(scored.columns) == [*responses.columns, "score", "normalised", "reward"]
    for row in scored.itertuples():
        single = bundle.reward(row.prompt, row.text)
        for name in ("score", "normalised", "reward"):
            assert getattr(row, name) == pytest.approx(single[name], abs=1e-5)
    assert scored["score"].std() > 0.1


@pytest.mark.usefixtures("small_windows")
def test_the_same_input_gives_the_same_bytes(bundle: Promoted, tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    table(5).to_parquet(source)
    targets = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    for target in targets:
        score_file(bundle, source, target)
    assert sha256_file(targets[0]) == sha256_file(targets[1])


def test_strings_of_every_kind_and_other_columns_are_kept(bundle: Promoted, tmp_path: Path) -> None:
    texts = ["yes", "no", "yes"]
    columns = {
        "tags": pa.array([["a"], None, []], pa.list_(pa.string())),
        "response": pa.array(texts, pa.large_string()),
        "prompt": pa.array(["who ?"] * 3).dictionary_encode(),
        "when": pa.array([1, None, 3], pa.timestamp("us", tz="UTC")),
    }
    source, target = written(tmp_path / "in.parquet", columns), tmp_path / "out.parquet"
    score_file(bundle, source, target)
    scored = pq.read_table(target)
    assert scored.drop_columns(["score", "normalised", "reward"]).equals(pa.table(columns))
    yes, no, again = scored["score"].to_pylist()
    assert yes == pytest.approx(again, abs=1e-5)
    assert yes != pytest.approx(no, abs=1e-3)


@pytest.mark.parametrize("empty", [table(1)[:0], pd.DataFrame({"prompt": [], "text": []})])
def test_no_rows_give_an_empty_table(bundle: Promoted, tmp_path: Path, empty: pd.DataFrame) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    empty.astype({"prompt": object, "text": object}).to_parquet(source)
    assert score_file(bundle, source, target) == 0
    scored = pq.read_table(target)
    assert scored.num_rows == 0
    assert scored.column_names == [*empty.columns, "score", "normalised", "reward"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"prompt": ["a"], "answer": ["b"]},
            "needs a column prompt and one of text or response; found prompt, answer; "
            "rename or add what is missing",
        ),
        ({"text": ["a"]}, "needs a column prompt and one of text or response; found text; "),
        ({"prompt": ["a"], "text": [1]}, "column text holds int64; it must hold strings"),
        (
            {"prompt": ["a"] * 6, "text": ["b"] * 5 + [None]},
            "row 6: text is null; give it a text or drop the row",
        ),
        ({"prompt": [None], "text": [None]}, "row 1: prompt is null"),
        (
            {"prompt": ["a"], "text": ["b"], "reward": [1.0]},
            "has a column reward already; rename or drop it, scoring adds its own",
        ),
        ({"prompt": ["a"], "text": pa.array([b"\xff"]).view(pa.string())}, "not readable as"),
    ],
)
@pytest.mark.usefixtures("small_windows")
def test_a_file_that_cannot_be_scored_is_explained(
    bundle: Promoted, tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    source, target = written(tmp_path / "in.parquet", columns), tmp_path / "out.parquet"
    with pytest.raises(RewardGateError) as caught:
        score_file(bundle, source, target)
    assert str(caught.value).startswith(f"{source}: {message}")
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["in.parquet"]


@pytest.mark.parametrize("content", [b"", b"prompt,text\na,b\n", b"PAR1 but no more PAR1"])
def test_what_is_not_parquet_is_said_so(bundle: Promoted, tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "in.parquet"
    source.write_bytes(content)
    with pytest.raises(RewardGateError, match=r"in\.parquet: not readable as Parquet .*; write it"):
        score_file(bundle, source, tmp_path / "out.parquet")


def test_damage_in_any_column_is_found(bundle: Promoted, tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    data = pa.table({"prompt": ["a"] * 50, "text": ["b"] * 50, "other": range(50)})
    pq.write_table(data, source, compression="zstd", use_dictionary=False)
    place = pq.read_metadata(source).row_group(0).column(2).data_page_offset
    content = bytearray(source.read_bytes())
    content[place : place + 60] = b"\xff" * 60
    source.write_bytes(content)
    with pytest.raises(RewardGateError, match="not readable as Parquet"):
        score_file(bundle, source, target)
    assert os.listdir(tmp_path) == ["in.parquet"]


def test_an_output_that_cannot_be_is_refused(bundle: Promoted, tmp_path: Path) -> None:
    source = written(tmp_path / "in.parquet", {"prompt": ["a"], "text": ["b"]})
    before = source.read_bytes()
    (tmp_path / "link.parquet").symlink_to(source)
    for target in (source, tmp_path / "link.parquet"):
        with pytest.raises(RewardGateError, match="is the input; name another file"):
            score_file(bundle, source, target)
    with pytest.raises(RewardGateError, match="is a folder; name another file"):
        score_file(bundle, source, tmp_path)
    with pytest.raises(RewardGateError, match="nowhere: no such file"):
        score_file(bundle, tmp_path / "nowhere", tmp_path / "out.parquet")
    assert source.read_bytes() == before


MEASURE = """
import sys
from pathlib import Path
import psutil
from rewardgate.score_file import score_file

class Bundle:
    held = 0
    def rewards(self, prompts, responses, references):
        self.held = max(self.held, psutil.Process().memory_info().rss)
        return [dict(score=0.0, normalised=0.0, reward=0.0)] * len(prompts)

for source in sys.argv[1:]:
    bundle = Bundle()
    score_file(bundle, Path(source), Path(source + ".scored"))
    print(bundle.held)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    random_ = random.Random(0)
    texts = [random_.randbytes(500).hex() for _ in range(100_000)]
    sources = []
    for rows in (10_000, 100_000):
        columns = {"prompt": ["what ?"] * rows, "text": texts[:rows]}
        sources.append(str(written(tmp_path / f"{rows}.parquet", columns)))
        assert pq.read_metadata(sources[-1]).num_row_groups == 1
    finished = subprocess.run(
        [sys.executable, "-c", MEASURE, *sources], capture_output=True, text=True, check=True
    )
    small, large = map(int, finished.stdout.split())
    assert large - small < 0.25 * 90_000 * 1000


def command(project: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "rewardgate", "score", *map(str, arguments)]


def test_a_killed_run_leaves_no_half_file_and_the_next_one_is_whole(
    project: Path, bundle: Promoted, tmp_path: Path
) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    responses = pd.concat([table(60)] * 25, ignore_index=True)
    responses.to_parquet(source)
    target.write_text("what was there")
    arguments = command(project, "--input", source, "--output", "../out.parquet")
    (folder := tmp_path / "work").mkdir()
    for name in ("dvc.yaml", "params.yaml", "models"):
        (tmp_path / name).symlink_to(project / name)
    process = subprocess.Popen(arguments, cwd=folder, stderr=subprocess.DEVNULL)
    assert any(True for _ in partial_files(process, tmp_path))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert target.read_text() == "what was there"

    finished = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == f"{len(responses)} responses scored: {target}\n"
    assert "Traceback" not in finished.stderr
    scored = pd.read_parquet(target)
    expected = bundle.rewards(responses["prompt"][:30].tolist(), responses["text"][:30].tolist())
    assert scored["reward"][:30].tolist() == pytest.approx(
        [r["reward"] for r in expected], abs=1e-5
    )


def partial_files(process: subprocess.Popen[bytes], folder: Path) -> Iterator[Path]:
    """Wait until a run has written a part of its output."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        yield from (path for path in folder.glob(".out.parquet.*") if path.stat().st_size > 1000)
        time.sleep(0.005)


@pytest.mark.parametrize(
    "arguments", [[], ["prompt"], ["--input", "a"], ["x", "y", "--input", "a", "--output", "b"]]
)
def test_half_a_command_says_what_is_needed(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rewardgate.cli import main

    monkeypatch.setattr(sys, "argv", ["rewardgate", "score", *arguments])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == BAD_INPUT
    assert capsys.readouterr().err == (
        "rewardgate: score: give a prompt and a response, or --input and --output\n"
    )
