import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tables import responses_table
from transformers import get_cosine_schedule_with_warmup

from rewardgate.checkpoints import Checkpoints
from rewardgate.errors import RewardGateError
from rewardgate.examples import batches_of, examples_of, shares_of
from rewardgate.files import sha256_folder
from rewardgate.reward_model import RewardModel
from rewardgate.settings import Loss, Train, TrainPreset
from rewardgate.training import Trainer, train, warmup_cosine

PRESET = TrainPreset(
    learning_rate=1e-3,
    head_learning_rate=1e-2,
    freeze_embeddings=False,
    frozen_layers=0,
    max_length=64,
    batch_pairs=8,
    epochs=1,
)


def settings_with(
    base: Path, patience: int | None = None, loss: dict[str, object] = {}, **changes: object
) -> Train:
    return Train(
        launch="python",
        base=str(base),
        loss=Loss(**loss),
        precision="fp32",
        tokens_per_backward=16384,
        patience=patience,
        presets={"other": PRESET.model_copy(update=changes)},
        warmup_share=0.1,
        weight_decay=0.01,
        max_grad_norm=1.0,
        checkpoint_steps=2,
        eval_steps=4,
        eval_prompts=4,
    )


def table(prompts: int):
    """Rankings in which 'good' beats 'bad' and everything beats 'no', by a rule to be learnt."""
    return responses_table(
        [
            (
                f"question {i} ?",
                [(f"good answer {i}", 1), (f"bad answer {i}", 2), (f"no {i}", 3)][: 2 + i % 2],
            )
            for i in range(prompts)
        ]
    )


def run(base: Path, checkpoints: Path, out: Path, **changes: object):
    settings = settings_with(base, **changes)
    model = RewardModel.from_base(str(base), settings.preset.max_length, seed=0)
    log, report = train(
        model, table(24), table(4), settings, 0, Checkpoints(checkpoints, {"run": 1})
    )
    model.save(out)
    return model, log, report


def test_training_learns_the_rule_and_logs_the_curve(tiny_encoder: Path, tmp_path: Path) -> None:
    _, log, report = run(tiny_encoder, tmp_path / "c", tmp_path / "m", epochs=8)
    assert log.evals[-1]["eval_accuracy"] == 1.0
    assert log.evals[-1]["eval_loss"] < log.evals[0]["eval_loss"]
    assert [row["step"] for row in log.steps] == list(range(1, report["steps"] + 1))
    assert set(log.steps[0]) == {
        "step", "loss", "accuracy", "margin", "grad_norm", "learning_rate",
    }  # fmt: skip
    assert (report["prompts"], report["responses"], report["pairs"]) == (24, 60, 48)
    assert report["prompts_cut"] == report["responses_cut"] == 0


def test_two_runs_give_the_same_bytes(tiny_decoder: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(tiny_decoder, tmp_path / f"c-{name}", tmp_path / name)
    assert sha256_folder(tmp_path / "one") == sha256_folder(tmp_path / "two")


@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_an_interrupted_run_resumes_to_the_same_bytes(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    _, whole_log, _ = run(tiny_encoder, tmp_path / "c", tmp_path / "whole")
    steps = 0
    backward = Trainer.backward

    def dying(*arguments: object):
        nonlocal steps
        steps += 1
        if steps > killed_after:
            raise KeyboardInterrupt
        return backward(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "backward", dying)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_encoder, tmp_path / "killed", tmp_path / "never")
    monkeypatch.setattr(Trainer, "backward", backward)
    _, log, _ = run(tiny_encoder, tmp_path / "killed", tmp_path / "resumed")
    assert sha256_folder(tmp_path / "resumed") == sha256_folder(tmp_path / "whole")
    assert log == whole_log


def test_each_prompt_weighs_the_same_and_runs_do_not_matter(tiny_encoder: Path) -> None:
    def gradient(tokens_per_backward: int):
        settings = settings_with(tiny_encoder).model_copy(
            update={"tokens_per_backward": tokens_per_backward}
        )
        model = RewardModel.from_base(str(tiny_encoder), 64, seed=0)
        trainer = Trainer.prepare(model, table(6), table(2), settings, 0)
        loss, margins = trainer.backward(trainer.examples)
        return trainer, loss, margins, model.model.classifier.weight.grad.clone()

    trainer, loss, margins, whole = gradient(16384)
    by_prompt = np.split(margins, np.cumsum([len(e.chosen) for e in trainer.examples])[:-1])
    prompts_per_batch = 6 / len(trainer.plan)
    by_hand = sum(np.mean(np.log1p(np.exp(-m))) for m in by_prompt) / prompts_per_batch
    assert loss == pytest.approx(by_hand, rel=1e-5)
    trainer, in_runs, _, accumulated = gradient(20)
    assert len(shares_of(trainer.examples, 1, 20)[0]) > 1
    assert in_runs == pytest.approx(loss, rel=1e-5)
    assert torch.allclose(accumulated, whole, atol=1e-6)


def test_each_response_is_encoded_once_and_ties_give_no_pair(tiny_encoder: Path) -> None:
    encoder = RewardModel.from_base(str(tiny_encoder), 64, seed=0).encoder
    ranking = [("one", 1), ("two", 2), ("three", 2), ("four", 4)]
    (example,) = examples_of(responses_table([("who ?", ranking)]), encoder)
    assert len(example.encoded) == 4
    pairs = set(zip(example.chosen.tolist(), example.rejected.tolist(), strict=True))
    assert pairs == {(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)}


def test_batches_hold_whole_prompts_each_once(tiny_encoder: Path) -> None:
    encoder = RewardModel.from_base(str(tiny_encoder), 64, seed=0).encoder
    examples = examples_of(table(30), encoder)
    batches = batches_of(examples, batch_pairs=8, seed=[0, 0])
    assert sorted(index for batch in batches for index in batch) == list(range(30))
    sizes = [sum(len(examples[i].chosen) for i in batch) for batch in batches]
    assert all(8 <= size < 8 + 3 + 4 for size in sizes[:-1])
    assert batches_of(examples, 8, [0, 0]) == batches
    assert batches_of(examples, 8, [0, 1]) != batches


def test_the_schedule_is_that_of_transformers_one_step_ahead() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = get_cosine_schedule_with_warmup(optimizer, 11, 101)
    expected = []
    for _ in range(100):
        optimizer.step()
        theirs.step()
        expected.append(theirs.get_last_lr()[0])
    ours = [warmup_cosine(step, 100, 0.1) for step in range(100)]
    assert ours == pytest.approx(expected, abs=1e-9)
    assert min(ours) > 0


def test_a_loss_that_is_not_finite_names_the_prompts_and_keeps_the_checkpoint(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backward = Trainer.backward
    steps = 0

    def diverging(*arguments: object):
        nonlocal steps
        steps += 1
        loss, margins = backward(*arguments)  # type: ignore[arg-type]
        return (math.nan if steps == 4 else loss), margins

    monkeypatch.setattr(Trainer, "backward", diverging)
    with pytest.raises(RewardGateError, match=r"loss is nan at step 4, prompts p\d+, .*lower"):
        run(tiny_encoder, tmp_path / "c", tmp_path / "m")
    assert [f.name for f in (tmp_path / "c").glob("*/step-*")] == ["step-00000002"]
    assert not (tmp_path / "m").exists()
