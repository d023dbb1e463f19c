"""Bradley-Terry training on whole rankings: every response encoded once, all its pairs used."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from rewardgate.checkpoints import Checkpoints
from rewardgate.errors import RewardGateError
from rewardgate.examples import Example, batches_of, examples_of
from rewardgate.losses import bradley_terry_loss
from rewardgate.metrics import accuracy
from rewardgate.reward_model import RewardModel
from rewardgate.settings import Train

TOKENS_PER_BACKWARD = 16384
"""Tokens whose activations are held at once; a larger batch is accumulated in chunks."""

PAIR_WEIGHTING = (
    "each pair weighs 1 / (pairs of its prompt), so that every prompt has the same weight in the "
    "loss however many responses it has"
)


@dataclass(frozen=True)
class TrainingLog:
    """steps: a row a step (loss, accuracy, margin, grad_norm, learning_rate);
    evals: a row an evaluation (eval_loss, eval_accuracy, eval_margin)."""

    steps: list[dict[str, float]]
    evals: list[dict[str, float]]


def train(
    model: RewardModel,
    train_set: pd.DataFrame,
    eval_set: pd.DataFrame,
    settings: Train,
    seed: int,
    checkpoints: Checkpoints,
) -> tuple[TrainingLog, dict[str, Any]]:
    """Fine-tune `model` in place, resuming from a checkpoint of the same run if there is one.

    train_set, eval_set: canonical tables of responses
    Returns the training curve and a report of what was trained on.
    Raises RewardGateError if there is no pair, or if the loss stops being finite.
    """
    torch.use_deterministic_algorithms(True)
    preset = settings.preset
    examples = examples_of(train_set, model.encoder)
    if not examples:
        raise RewardGateError("train: no comparison in the training split; add rankings")
    held_out = examples_of(first_prompts(eval_set, settings.eval_prompts), model.encoder)
    plan = [
        batch
        for epoch in range(preset.epochs)
        for batch in batches_of(examples, preset.batch_pairs, [seed, epoch])
    ]
    prompts_per_batch = len(examples) * preset.epochs / len(plan)

    model.freeze(preset.freeze_embeddings, preset.frozen_layers)
    model.model.train()
    optimizer = make_optimizer(model, settings)
    start, saved = checkpoints.resume(model.model, optimizer)
    log = TrainingLog(**saved) if saved else TrainingLog([], [])
    if start:
        print(f"resuming after step {start} of {len(plan)}")

    for step in (
        bar := tqdm(range(start, len(plan)), initial=start, total=len(plan), disable=None)
    ):
        factor = warmup_cosine(step, len(plan), settings.warmup_share)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        batch = [examples[index] for index in plan[step]]
        loss, margins = backward(model, batch, prompts_per_batch)
        if not math.isfinite(loss):
            names = ", ".join(example.prompt_id for example in batch[:5])
            raise RewardGateError(
                f"train: the loss is {loss} at step {step + 1}, prompts {names}, ...; "
                "lower the learning rates of this base under train.presets"
            )
        norm = torch.nn.utils.clip_grad_norm_(model.model.parameters(), settings.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        log.steps.append(
            {
                "step": step + 1,
                "loss": loss * prompts_per_batch / len(batch),
                "accuracy": accuracy(margins),
                "margin": float(margins.mean()),
                "grad_norm": float(norm),
                "learning_rate": preset.learning_rate * factor,
            }
        )
        bar.set_postfix(loss=f"{log.steps[-1]['loss']:.3f}")
        last = step + 1 == len(plan)
        if held_out and ((step + 1) % settings.eval_steps == 0 or last):
            log.evals.append({"step": step + 1, **evaluate(model, held_out)})
            bar.write(progress_line(log, len(plan)))
        if (step + 1) % settings.checkpoint_steps == 0 and not last:
            checkpoints.save(step + 1, model.model, optimizer, vars(log))
    model.model.eval()
    return log, report(examples, plan, model)


def backward(
    model: RewardModel, batch: Sequence[Example], prompts_per_batch: float
) -> tuple[float, np.ndarray]:
    """Accumulate the gradients of one batch; returns its loss and the margins (p,) of its pairs.

    The loss is the sum over prompts of the mean pair loss, over the average number of prompts in
    a batch, so that a prompt weighs the same in whichever batch it falls.
    """
    total, all_margins = 0.0, []
    for chunk in chunks_of(batch):
        margins = margins_of(model, chunk)
        weights = torch.cat(
            [torch.full((len(e.chosen),), 1 / len(e.chosen), device=margins.device) for e in chunk]
        )
        loss = bradley_terry_loss(margins, weights / prompts_per_batch)
        loss.backward()
        total += float(loss.detach())
        all_margins.append(margins.detach().cpu().numpy())
    return total, np.concatenate(all_margins)


def margins_of(model: RewardModel, examples: Sequence[Example]) -> Tensor:
    """Margins (p,) of all pairs of the examples, in order; each response is encoded once."""
    scores = model.scores([item for example in examples for item in example.encoded])
    offsets = np.cumsum([0, *(len(example.encoded) for example in examples)])
    chosen = np.concatenate([e.chosen + o for e, o in zip(examples, offsets, strict=False)])
    rejected = np.concatenate([e.rejected + o for e, o in zip(examples, offsets, strict=False)])
    return scores[torch.from_numpy(chosen)] - scores[torch.from_numpy(rejected)]


def chunks_of(batch: Sequence[Example]) -> list[list[Example]]:
    """Cut a batch between prompts into runs of at most TOKENS_PER_BACKWARD tokens."""
    chunks: list[list[Example]] = []
    tokens = 0
    for example in batch:
        if not chunks or tokens + example.tokens > TOKENS_PER_BACKWARD:
            chunks.append([])
            tokens = 0
        chunks[-1].append(example)
        tokens += example.tokens
    return chunks


def evaluate(model: RewardModel, examples: Sequence[Example]) -> dict[str, float]:
    """Loss (weighted as in training), pair accuracy and mean margin on held-out prompts."""
    model.model.eval()
    with torch.no_grad():
        margins = margins_of(model, examples)
        weights = torch.cat([torch.full((len(e.chosen),), 1 / len(e.chosen)) for e in examples])
        loss = bradley_terry_loss(margins.cpu(), weights / len(examples))
    model.model.train()
    array = margins.cpu().numpy()
    return {
        "eval_loss": float(loss),
        "eval_accuracy": accuracy(array),
        "eval_margin": float(array.mean()),
    }


def make_optimizer(model: RewardModel, settings: Train) -> torch.optim.AdamW:
    """AdamW; the fresh head learns faster than the pre-trained trunk below it."""
    preset = settings.preset
    trunk_ids = {id(parameter) for parameter in model.model.base_model.parameters()}
    trainable = [p for p in model.model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if id(p) in trunk_ids], "lr": preset.learning_rate},
        {
            "params": [p for p in trainable if id(p) not in trunk_ids],
            "lr": preset.head_learning_rate,
        },
    ]
    groups = [{**group, "initial_lr": group["lr"]} for group in groups if group["params"]]
    return torch.optim.AdamW(groups, weight_decay=settings.weight_decay)


def warmup_cosine(step: int, steps: int, warmup_share: float) -> float:
    """Factor on the learning rate: linear from 0 over the warm-up, then a half cosine to 0.

    The same curve as transformers' get_cosine_schedule_with_warmup, one step ahead so that
    neither the first nor the last step is spent at rate 0.
    """
    warmup = round(warmup_share * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def first_prompts(responses: pd.DataFrame, count: int) -> pd.DataFrame:
    """The rows of the first `count` prompts."""
    return responses[responses["prompt_id"].isin(responses["prompt_id"].unique()[:count])]


def progress_line(log: TrainingLog, steps: int) -> str:
    now, held_out = log.steps[-1], log.evals[-1]
    return (
        f"step {now['step']}/{steps}  loss {now['loss']:.3f}  "
        f"eval loss {held_out['eval_loss']:.3f}  eval accuracy {held_out['eval_accuracy']:.3f}"
    )


def report(
    examples: Sequence[Example], plan: Sequence[Sequence[int]], model: RewardModel
) -> dict[str, Any]:
    """What was trained on: counts, texts cut to fit, and how pairs were weighted."""
    encoded = [item for example in examples for item in example.encoded]
    return {
        "prompts": len(examples),
        "responses": len(encoded),
        "pairs": sum(len(example.chosen) for example in examples),
        "steps": len(plan),
        "tokens": sum(example.tokens for example in examples),
        "max_length": model.encoder.max_length,
        "prompts_cut": sum(item.prompt_cut for item in encoded),
        "responses_cut": sum(item.response_cut for item in encoded),
        "pair_weighting": PAIR_WEIGHTING,
        "parameters": sum(p.numel() for p in model.model.parameters()),
        "parameters_trained": sum(p.numel() for p in model.model.parameters() if p.requires_grad),
    }
