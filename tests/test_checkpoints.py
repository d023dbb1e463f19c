from pathlib import Path

import pytest
import torch

from rewardgate.checkpoints import Checkpoints


def network() -> tuple[torch.nn.Module, torch.optim.AdamW]:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    return model, torch.optim.AdamW(model.parameters(), lr=0.1)


def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()


def saved(root: Path, steps: int) -> Checkpoints:
    checkpoints = Checkpoints(root, "a" * 64)
    model, optimizer = network()
    for number in range(1, steps + 1):
        step(model, optimizer)
        checkpoints.save(number, model, optimizer, {"steps": [number]})
    return checkpoints


def test_a_resumed_optimizer_goes_on_as_if_uninterrupted(tmp_path: Path) -> None:
    model, optimizer = network()
    for _ in range(5):
        step(model, optimizer)
    resumed, resumed_optimizer = network()
    at, log = saved(tmp_path, 3).resume(resumed, resumed_optimizer)
    assert (at, log) == (3, {"steps": [3]})
    for _ in range(2):
        step(resumed, resumed_optimizer)
    assert torch.equal(resumed.weight, model.weight)


def test_only_the_last_two_are_kept(tmp_path: Path) -> None:
    saved(tmp_path, 5)
    assert sorted(f.name for f in tmp_path.glob("*/*")) == ["step-00000004", "step-00000005"]


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.safetensors", "state.json"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path, file: str) -> None:
    checkpoints = saved(tmp_path, 3)
    newest = checkpoints.folder / "step-00000003" / file
    newest.write_bytes(newest.read_bytes()[:-20])
    assert checkpoints.resume(*network())[0] == 2


def test_another_run_does_not_resume_from_these(tmp_path: Path) -> None:
    saved(tmp_path, 2)
    assert Checkpoints(tmp_path, "b" * 64).resume(*network()) == (0, None)
