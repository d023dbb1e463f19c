import json
from pathlib import Path

import pandas as pd
import pytest
import scored
from hypothesis import given
from hypothesis import strategies as st
from launching import TWO, launch
from scoring_project import make_scoring_project, table

from rewardgate.bundle import load_promoted
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import even_shares, in_shares, score


@given(st.lists(st.integers(1, 500), max_size=60), st.integers(1, 8))
def test_shares_are_runs_of_neighbours_of_about_equal_size(sizes: list[int], count: int) -> None:
    shares = even_shares(sizes, count)
    assert len(shares) == count
    assert [place for share in shares for place in range(len(sizes))[share]] == list(
        range(len(sizes))
    )
    for share in shares:
        assert abs(sum(sizes[share]) - sum(sizes) / count) <= max(sizes, default=0)


def test_one_process_does_everything_itself() -> None:
    assert in_shares([5, 1, 1], lambda part: ["a", "b", "c"][part]) == ["a", "b", "c"]


def test_nothing_to_score_gives_no_scores(tiny_encoder: Path) -> None:
    model = RewardModel.from_base(str(tiny_encoder), max_length=64, seed=0)
    assert score(model, [], []).shape == (0,)


def test_many_rewards_are_the_single_ones(tiny_decoder: Path, tmp_path: Path) -> None:
    make_scoring_project(tiny_decoder, tiny_decoder, tmp_path / "project")
    bundle = load_promoted(tmp_path / "project/models/promoted")
    responses = table(8)
    prompts, texts = responses["prompt"].tolist(), [*responses["text"][:-1], "..."]
    many = bundle.rewards(prompts, texts)
    assert many[-1]["reward"] == -5.0
    assert len({row["score"] for row in many}) > 5
    for row, prompt, text in zip(many, prompts, texts, strict=True):
        single = bundle.reward(prompt, text)
        assert list(row) == list(single)
        for name in ("score", "normalised", "reward", "length_penalty", "repetition_penalty"):
            assert row[name] == pytest.approx(single[name], abs=1e-5)
    assert bundle.rewards([], []) == []


@pytest.fixture(scope="module")
def projects(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, str]:
    """The same project scored in by one process and by two, and what the two printed."""
    folder = tmp_path_factory.mktemp("scored")
    one, two = (
        make_scoring_project(tiny_decoder, tiny_encoder, folder / name) for name in ("one", "two")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(one)
        scored.main()
    launched = launch("scored.py", launcher=TWO, cwd=two)
    assert launched.returncode == 0, launched.stderr[-3000:]
    return one, two, launched.stdout


def test_two_processes_share_the_work_and_both_know_all_scores(
    projects: tuple[Path, Path, str],
) -> None:
    one, two, _ = projects
    (alone,) = (json.loads(path.read_text()) for path in one.glob("process-*.json"))
    shared = [json.loads((two / f"process-{index}.json").read_text()) for index in (0, 1)]
    assert max(alone["scores"]) - min(alone["scores"]) > 0.1
    rows = len(table(15))
    assert alone["own"] == rows == shared[0]["own"] + shared[1]["own"]
    assert min(process["own"] for process in shared) > rows / 4
    for process in shared:
        assert process["scores"] == pytest.approx(alone["scores"], abs=1e-6)


def test_two_processes_write_the_same_files_once(projects: tuple[Path, Path, str]) -> None:
    one, two, printed = projects
    for name in ("scored.parquet", "reports/scores.parquet"):
        left, right = (pd.read_parquet(project / name) for project in (one, two))
        pd.testing.assert_frame_equal(left, right, rtol=0, atol=1e-6)
    for name in ("calibration", "champion", "evaluation", "stress"):
        left, right = (
            json.loads((project / f"reports/{name}.json").read_text()) for project in (one, two)
        )
        for report in (left, right):  # cases that tie but for rounding fall to either side
            report.get("difference", {}).pop("stress", None)
        assert numbers(right) == pytest.approx(numbers(left), rel=1e-3, abs=1e-4)
    assert printed.count("held-out accuracy") == 1


def numbers(value: object) -> list[float]:
    """All numbers in a JSON value, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for inner in value for number in numbers(inner)]
    return [float(value)] if isinstance(value, int | float) else []
