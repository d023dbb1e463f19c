import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tables import responses_table
from transformers import get_cosine_schedule_with_warmup

from rewardgate.checkpoints import Checkpoints
from rewardgate.errors import RewardGateError
from rewardgate.examples import shares_of
from rewardgate.files import sha256_folder
from rewardgate.metrics import Scored
from rewardgate.optimiser import warmup_cosine
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score_table
from rewardgate.settings import Loss, Train, TrainPreset
from rewardgate.training import Trainer, train

PRESET = TrainPreset(
    learning_rate=1e-3,
    head_learning_rate=1e-2,
    freeze_embeddings=False,
    frozen_layers=0,
    max_length=64,
    batch_pairs=8,
    epochs=1,
)


def settings_with(base: Path, loss: dict[str, object] | None = None, **changes: object) -> Train:
    """Settings for a tiny base; a change belongs to its preset or, by name, to all training."""
    own = {key: value for key, value in changes.items() if key in Train.model_fields}
    preset = {key: value for key, value in changes.items() if key not in own}
    settings = Train(
        launch="python",
        base=str(base),
        loss=Loss(**(loss or {})),
        precision="fp32",
        tokens_per_backward=16384,
        patience=None,
        presets={"other": PRESET.model_copy(update=preset)},
        warmup_share=0.1,
        weight_decay=0.01,
        max_grad_norm=1.0,
        checkpoint_steps=2,
        eval_steps=4,
        eval_prompts=4,
    )
    return settings.model_copy(update=own)


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


def contradicting(prompts: int):
    """Rankings by the opposite rule."""
    return table(prompts).assign(rank=lambda t: 4 - t["rank"])


def run(base: Path, checkpoints: Path, out: Path, eval_set=None, name: int = 1, **changes: object):
    settings = settings_with(base, **changes)
    model = RewardModel.from_base(str(base), settings.preset.max_length, seed=0)
    held_out = table(4) if eval_set is None else eval_set
    log, report = train(
        model, table(24), held_out, settings, 0, Checkpoints(checkpoints, {"run": name})
    )
    model.save(out)
    return model, log, report


def die_in_step(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Interrupt the step of that number, counted from now; only once."""
    backward = Trainer.backward
    steps = 0

    def dying(*arguments: object):
        nonlocal steps
        steps += 1
        if steps == number:
            raise KeyboardInterrupt
        return backward(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "backward", dying)


def run_killed(monkeypatch: pytest.MonkeyPatch, step: int, base: Path, root: Path, **changes: Any):
    """A run that is interrupted in that step, and then run again to its end."""
    die_in_step(monkeypatch, step)
    with pytest.raises(KeyboardInterrupt):
        run(base, root / "c-killed", root / "never", **changes)
    return run(base, root / "c-killed", root / "resumed", **changes)


def eval_loss(model: RewardModel, eval_set) -> float:
    """Bradley-Terry loss of a prompt, on average, from its scores."""
    scored = Scored.of(score_table(model, eval_set, "eval"))
    losses = np.log1p(np.exp(-scored.pairs["margin"]))
    return losses.groupby(scored.pairs["prompt_id"]).mean().mean()


def test_a_part_of_an_epoch_takes_its_first_batches_and_its_rate_still_falls_to_zero(
    tiny_encoder: Path,
) -> None:
    def plan(epochs: float) -> list[list[int]]:
        settings = settings_with(tiny_encoder, epochs=epochs)
        model = RewardModel.from_base(str(tiny_encoder), 64, seed=0)
        return Trainer.prepare(model, table(24), table(4), settings, 0).plan

    one, two = plan(1), plan(2)
    assert two[: len(one)] == one
    assert plan(0.5) == one[: math.ceil(len(one) / 2)]
    assert plan(1.25) == two[: len(one) + math.ceil((len(two) - len(one)) / 4)]
    assert warmup_cosine(len(plan(1.25)), len(plan(1.25)), 0.1) == pytest.approx(0)


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


@pytest.mark.parametrize(
    ("base", "changes"),
    [
        ("tiny_encoder", {}),
        ("tiny_decoder", {"method": "lora"}),
        ("tiny_encoder", {"method": "head"}),
        ("tiny_encoder", {"eval_steps": 1}),
        ("tiny_encoder", {"eval_steps": 1, "eval_set": contradicting(4)}),
        ("tiny_encoder", {"eval_steps": 2, "eval_set": contradicting(4), "patience": 2}),
    ],
    ids=["full", "lora", "head", "best after the kill", "best before the kill", "patience"],
)
@pytest.mark.parametrize("killed_in_step", [2, 5])
def test_an_interrupted_run_resumes_to_the_same_bytes(
    base: str,
    changes: dict[str, Any],
    killed_in_step: int,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = request.getfixturevalue(base)
    _, log, report = run(path, tmp_path / "c", tmp_path / "whole", **changes)
    _, resumed_log, resumed_report = run_killed(
        monkeypatch, killed_in_step, path, tmp_path, **changes
    )
    assert sha256_folder(tmp_path / "resumed") == sha256_folder(tmp_path / "whole")
    assert resumed_log == log
    assert resumed_report == report


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


def test_a_gradient_that_is_not_finite_never_reaches_the_weights(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backward = Trainer.backward
    trainers = []

    def overflowing(trainer: Trainer, batch: Any):
        trainers.append(trainer)
        result = backward(trainer, batch)
        if len(trainers) == 4:
            trainer.model.scorer.head.bias.grad.fill_(math.inf)
        return result

    monkeypatch.setattr(Trainer, "backward", overflowing)
    with pytest.raises(RewardGateError, match=r"gradient's norm is inf at step 4, prompts p\d+, "):
        run(tiny_encoder, tmp_path / "c", tmp_path / "m")
    assert all(value.isfinite().all() for value in trainers[0].weights().values())


def test_weights_that_diverge_in_the_last_step_are_not_kept(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    too_fast = {"learning_rate": 1e30, "head_learning_rate": 1e30, "batch_pairs": 1000}
    with pytest.raises(RewardGateError, match=r"the held-out loss is (nan|inf); lower"):
        run(tiny_encoder, tmp_path / "c", tmp_path / "m", **too_fast)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("held_out", [table(4), contradicting(4)], ids=["agrees", "contradicts"])
def test_the_model_keeps_the_weights_of_the_lowest_held_out_loss(
    held_out, tiny_decoder: Path, tmp_path: Path
) -> None:
    model, log, report = run(
        tiny_decoder, tmp_path / "c", tmp_path / "m", eval_set=held_out, eval_steps=1, epochs=2
    )
    losses = [row["eval_loss"] for row in log.evals]
    assert len(losses) == report["steps"] > 8
    best = int(np.argmin(losses))
    assert report["best_step"] == best + 1
    assert eval_loss(model, held_out) == pytest.approx(losses[best], abs=1e-5)
    later = [loss for step, loss in enumerate(losses) if step != best]
    assert min(later) > losses[best]
    assert max(later) > losses[best] + 0.2


def test_patience_stops_early_says_so_and_keeps_the_same_best(
    tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"eval_set": contradicting(4), "eval_steps": 2, "epochs": 3}
    _, _, full = run(tiny_encoder, tmp_path / "c1", tmp_path / "full", **changes)
    assert "no better held-out loss" not in capsys.readouterr().out
    _, log, report = run(tiny_encoder, tmp_path / "c2", tmp_path / "early", patience=3, **changes)
    assert "no better held-out loss in 3 evaluations" in capsys.readouterr().out
    assert [row["step"] for row in log.evals] == [2, 4, 6, 8]
    assert len(log.steps) == 8 < report["steps"]
    assert report["best_step"] == full["best_step"] == 2
    assert sha256_folder(tmp_path / "early") == sha256_folder(tmp_path / "full")


def test_without_held_out_comparisons_the_last_weights_are_kept(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    nothing = table(4).assign(rank=1)
    _, log, report = run(tiny_encoder, tmp_path / "c1", tmp_path / "none", eval_set=nothing)
    assert log.evals == []
    assert report["best_step"] == report["steps"] == len(log.steps)
    _, log, _ = run(tiny_encoder, tmp_path / "c2", tmp_path / "last", eval_steps=1000)
    assert [row["step"] for row in log.evals] == [report["steps"]]
    assert sha256_folder(tmp_path / "none") == sha256_folder(tmp_path / "last")


def test_checkpoints_of_another_run_are_not_resumed_and_it_says_why(
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    die_in_step(monkeypatch, 4)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_encoder, tmp_path / "c", tmp_path / "never", name=1)
    _, log, _ = run(tiny_encoder, tmp_path / "c", tmp_path / "two", name=2)
    printed = capsys.readouterr().out
    assert f"not resuming {tmp_path / 'c'}" in printed
    assert "run was 1 and is 2" in printed
    assert "resuming after" not in printed
    assert log.steps[0]["step"] == 1
    run(tiny_encoder, tmp_path / "c", tmp_path / "one", name=1)
    assert "resuming after step 2 of" in capsys.readouterr().out


def test_running_out_of_memory_says_which_setting_to_lower(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: object):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(Trainer, "scores", too_large)
    with pytest.raises(RewardGateError) as caught:
        run(tiny_encoder, tmp_path / "c", tmp_path / "m", tokens_per_backward=777)
    message = str(caught.value)
    assert message.startswith("train: out of memory at step 1, prompts p")
    assert "lower train.tokens_per_backward (now 777)" in message
    assert "\n" not in message


def test_only_an_architecture_that_cannot_be_packed_is_padded(
    tiny_encoder: Path, tiny_decoder: Path, tiny_padded: Path, tmp_path: Path
) -> None:
    reports = [
        run(base, tmp_path / base.name, tmp_path / f"m-{base.name}")[2]
        for base in (tiny_encoder, tiny_decoder, tiny_padded)
    ]
    assert reports[0]["padding_share"] == reports[1]["padding_share"] == 0
    assert 0 < reports[2]["padding_share"] < 0.5
    assert reports[0]["tokens_computed_per_epoch"] == reports[0]["tokens"]
    assert reports[1]["tokens_computed_per_epoch"] == reports[1]["tokens"]
    computed = reports[2]["tokens_computed_per_epoch"]
    assert computed * (1 - reports[2]["padding_share"]) == pytest.approx(reports[2]["tokens"])


@pytest.mark.parametrize(
    "loss",
    [
        {"weighting": "pair"},
        {"margin_per_rank": 0.2, "label_smoothing": 0.05, "centering": 0.01},
        {"kind": "rao_kupper"},
        {"kind": "davidson"},
        {"kind": "plackett_luce"},
        {"kind": "plackett_luce", "weighting": "pair"},
        {"length": "balanced"},
        {"length": "regressed"},
    ],
    ids=lambda loss: " ".join(map(str, loss.values())),
)
def test_every_loss_learns_the_rule_from_rankings_with_ties(
    loss: dict[str, object], tiny_encoder: Path, tmp_path: Path
) -> None:
    settings = settings_with(tiny_encoder, loss, epochs=5, learning_rate=3e-3)
    model = RewardModel.from_base(str(tiny_encoder), 64, seed=0)
    tied = table(24)
    tied.loc[tied["prompt_id"].isin(["p1", "p3", "p5"]) & (tied["rank"] == 3), "rank"] = 2
    tied["text"] = tied["text"].str.replace("no ", "no no ")  # length must not tell the winner
    tied.loc[(tied.index // 2) % 2 == 0, "text"] += " very long"
    log, _ = train(model, tied, table(4), settings, 0, Checkpoints(tmp_path, {}))
    assert log.evals[-1]["eval_accuracy"] == 1.0
    assert log.evals[-1]["eval_loss"] < log.evals[0]["eval_loss"] - 0.005
    assert np.mean([row["loss"] for row in log.steps[-4:]]) < log.steps[0]["loss"]
