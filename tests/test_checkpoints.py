from pathlib import Path

import pytest
import torch

from rewardgate.checkpoints import Checkpoints, State

RUN = {"train": {"learning_rate": 1e-4, "epochs": 1}, "data": {"train.parquet": "abc"}}


def state(step: int) -> State:
    weights = {"layer.weight": torch.full((2, 3), float(step))}
    moments = {"exp_avg/layer.weight": torch.full((2, 3), step / 2)}
    return State(step, weights, moments, weights if step > 1 else {}, {"steps": [step]})


def saved(root: Path, steps: int) -> Checkpoints:
    checkpoints = Checkpoints(root, RUN)
    for step in range(1, steps + 1):
        checkpoints.save(state(step))
    return checkpoints


@pytest.mark.parametrize("steps", [1, 3])
def test_the_newest_state_comes_back_as_it_was(tmp_path: Path, steps: int) -> None:
    found, expected = saved(tmp_path, steps).newest(), state(steps)
    assert found is not None
    assert (found.step, found.log) == (expected.step, expected.log)
    for name in ("weights", "moments", "best"):
        assert getattr(found, name).keys() == getattr(expected, name).keys()
        for key, value in getattr(expected, name).items():
            assert torch.equal(getattr(found, name)[key], value)


def test_only_the_last_two_are_kept(tmp_path: Path) -> None:
    saved(tmp_path, 5)
    assert sorted(f.name for f in tmp_path.glob("*/step-*")) == ["step-00000004", "step-00000005"]


@pytest.mark.parametrize(
    "file", ["weights.safetensors", "moments.safetensors", "best.safetensors", "state.json"]
)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints = saved(tmp_path, 3)
    newest = checkpoints.folder / "step-00000003" / file
    newest.write_bytes(newest.read_bytes()[:-20])
    found = checkpoints.newest()
    assert found is not None
    assert found.step == 2
    assert "step-00000003 is unusable" in capsys.readouterr().out


def test_a_run_that_differs_is_refused_and_says_in_what(tmp_path: Path) -> None:
    saved(tmp_path, 2)
    other = Checkpoints(tmp_path, {**RUN, "train": {"learning_rate": 2e-4, "epochs": 1}})
    assert other.newest() is None
    (reason,) = other.others()
    assert "train.learning_rate was 0.0001 and is 0.0002" in reason
    assert "epochs" not in reason
    assert Checkpoints(tmp_path, RUN).others() == []
