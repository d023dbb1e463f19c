"""Training on whole rankings: every response encoded once a step, all its comparisons used."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, gather_object
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from tqdm import tqdm

from rewardgate.adapters import adapt, merge, with_features
from rewardgate.checkpoints import Checkpoints, State, Tensors
from rewardgate.errors import RewardGateError
from rewardgate.examples import Example, Item, ItemT, batches_of, examples_of, shares_of
from rewardgate.metrics import accuracy
from rewardgate.objective import WEIGHTING, Objective, length_offset, total_weight, weighted
from rewardgate.optimiser import make_optimizer, warmup_cosine
from rewardgate.packing import Row
from rewardgate.processes import multiplies_bf16, processes
from rewardgate.reward_model import RewardModel, in_order
from rewardgate.settings import Loss, Train, TrainPreset

WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
"""Checkpoints hold the trained parameters whole, on however many devices they lie."""

PLAIN = Loss()
"""The loss that is evaluated, whatever loss is trained on, so that runs can be compared; only an
offset for length enters both, since the scores leave it out."""


@dataclass(frozen=True)
class TrainingLog:
    """steps: a row a step (loss, accuracy, margin, grad_norm, learning_rate);
    evals: a row an evaluation (eval_loss, eval_accuracy, eval_margin)."""

    steps: list[dict[str, float]]
    evals: list[dict[str, float]]

    @property
    def best(self) -> dict[str, float] | None:
        """The evaluation with the lowest held-out loss, the first of equals."""
        return min(self.evals, key=lambda row: row["eval_loss"], default=None)

    def evaluations_without_gain(self) -> int:
        return len(self.evals) - 1 - self.evals.index(self.best) if self.best else 0


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
    Under `accelerate launch` every process calls this and shares each batch with the others (DDP
    or FSDP); the batches are those of one process. The model keeps the weights of the evaluation
    with the lowest held-out loss.
    Returns the training curve and a report of what was trained on.
    Raises RewardGateError if there is no pair, if the loss is not finite or if memory runs out.
    """
    return fit(Trainer.prepare(model, train_set, eval_set, settings, seed), checkpoints)


def fit(trainer: "Trainer[ItemT]", checkpoints: Checkpoints) -> tuple[TrainingLog, dict[str, Any]]:
    """Run a prepared training to its end, from a checkpoint of the same run if there is one.

    Returns and raises what `train` does.
    """
    settings = trainer.settings
    for reason in checkpoints.others():
        trainer.say(reason)
    saved = checkpoints.newest()
    log = TrainingLog([], [])
    best: Tensors = {}
    start = 0
    if saved:
        trainer.load(saved.weights, saved.moments)
        log, best, start = TrainingLog(**saved.log), saved.best, saved.step
        trainer.say(f"resuming after step {start} of {len(trainer.plan)}")
    steps = len(trainer.plan)
    with tqdm(initial=start, total=steps, disable=None if trainer.main else True) as bar:
        for step in range(start, steps):
            log.steps.append(trainer.step(step))
            bar.set_postfix(loss=f"{log.steps[-1]['loss']:.3f}")
            bar.update()
            last = step + 1 == steps
            if trainer.held_out and ((step + 1) % settings.eval_steps == 0 or last):
                log.evals.append({"step": step + 1, **trainer.evaluate()})
                if trainer.main:
                    bar.write(progress_line(log, steps))
                if log.best is log.evals[-1]:
                    best = trainer.weights()
                if settings.patience and log.evaluations_without_gain() >= settings.patience:
                    trainer.say(f"no better held-out loss in {settings.patience} evaluations")
                    break
            if (step + 1) % settings.checkpoint_steps == 0 and not last:
                state = State(step + 1, trainer.weights(), trainer.moments(), best, vars(log))
                if trainer.main:
                    checkpoints.save(state)
                trainer.accelerator.wait_for_everyone()
    trainer.finish(best if log.best else trainer.weights())
    return log, {**trainer.report, "best_step": int((log.best or log.steps[-1])["step"])}


ItemT_contra = TypeVar("ItemT_contra", bound=Item, contravariant=True)


class Goal(Protocol[ItemT_contra]):
    """A training loss: of the scores (n,) of some examples, with the margins (p,) of what in them
    is right or wrong; `normaliser` is the weight of an average batch."""

    @property
    def normaliser(self) -> float: ...
    def __call__(
        self, scores: Tensor, examples: Sequence[ItemT_contra]
    ) -> tuple[Tensor, Tensor]: ...
    def weight(self, examples: Sequence[ItemT_contra]) -> float: ...


@dataclass
class Trainer(Generic[ItemT]):
    """What one run of training holds: the network, its optimiser and the batches."""

    model: RewardModel
    settings: Train
    seed: int
    accelerator: Accelerator
    network: nn.Module
    optimizer: torch.optim.Optimizer
    objective: Goal[ItemT]
    held_out_objective: Goal[ItemT]
    examples: list[ItemT]
    held_out: list[ItemT]
    plan: list[list[int]]
    report: dict[str, Any]

    @staticmethod
    def prepare(
        model: RewardModel,
        train_set: pd.DataFrame,
        eval_set: pd.DataFrame,
        settings: Train,
        seed: int,
    ) -> "Trainer[Example]":
        """Training on rankings."""
        preset = settings.preset
        examples = weighted(examples_of(train_set, model.encoder), settings.loss)
        if not examples:
            raise RewardGateError("train: no comparison in the training split; add rankings")
        evaluated = first_prompts(eval_set, settings.eval_prompts)
        held_out = weighted(examples_of(evaluated, model.encoder), PLAIN)
        plan = plan_of(examples, preset, seed)
        weight = total_weight(examples, settings.loss) * preset.epochs / len(plan)
        offset = length_offset(examples, settings.loss)
        objectives = (
            Objective(settings.loss, weight, offset),
            Objective(PLAIN, len(held_out), offset),
        )
        trainer = Trainer.of(model, examples, held_out, objectives, settings, seed)
        trainer.report |= {
            "pairs": sum(len(example.chosen) for example in examples),
            "loss": settings.loss.kind,
            "pair_weighting": WEIGHTING[settings.loss.weighting],
            "length_offset": offset,
        }
        return trainer

    @classmethod
    def of(
        cls,
        model: RewardModel,
        examples: list[ItemT],
        held_out: list[ItemT],
        objectives: tuple[Goal[ItemT], Goal[ItemT]],
        settings: Train,
        seed: int,
    ) -> Self:
        """Training on any examples; objectives: of the batches, and of all of `held_out`."""
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        preset = settings.preset
        adapt(model, preset, seed)
        if preset.gradient_checkpointing:
            _require_checkpointing(model)
            model.model.activation_checkpointing_enable({"use_reentrant": False})
        device = processes().device
        auto = "bf16" if multiplies_bf16(device) else "fp32"
        precision = auto if settings.precision == "auto" else settings.precision
        accelerator = Accelerator(
            mixed_precision="bf16" if precision == "bf16" else "no", cpu=device.type == "cpu"
        )
        if preset.method == "head":
            model.model.to(accelerator.device).eval()
            examples = with_features(model, examples, "features of the training set")
            held_out = with_features(model, held_out, "features of the evaluation set")
        model.model.train()
        parameters = list(model.model.parameters())
        trained = sum(p.numel() for p in parameters if p.requires_grad)
        network, optimizer = accelerator.prepare(model.scorer, make_optimizer(model, settings))
        trainer = cls(
            model,
            settings,
            seed,
            accelerator,
            network,
            optimizer,
            *objectives,
            examples,
            held_out,
            plan_of(examples, preset, seed),
            {},
        )
        trainer.report = trainer.reported() | {
            "precision": precision,
            "parameters": sum(p.numel() for p in parameters),
            "parameters_trained": trained,
        }
        return trainer

    @property
    def main(self) -> bool:
        return bool(self.accelerator.is_main_process)

    def say(self, line: str) -> None:
        if self.main:
            tqdm.write(line)

    def step(self, step: int) -> dict[str, float]:
        """One optimiser step; returns its row of the log."""
        preset = self.settings.preset
        factor = warmup_cosine(step, len(self.plan), self.settings.warmup_share)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        batch = [self.examples[index] for index in self.plan[step]]
        with self._explained(step, batch):
            loss, margins = self.backward(batch)
            norm = float(
                self.accelerator.clip_grad_norm_(
                    self.network.parameters(), self.settings.max_grad_norm
                )
            )
            where = f" at step {step + 1}, prompts {_names(batch)}"
            _require_finite("loss", loss, where)
            _require_finite("gradient's norm", norm, where)
            self.optimizer.step()
        self.optimizer.zero_grad()
        return {
            "step": step + 1,
            "loss": loss * self.objective.normaliser / self.objective.weight(batch),
            "accuracy": accuracy(margins),
            "margin": float(margins.mean()),
            "grad_norm": norm,
            "learning_rate": preset.learning_rate * factor,
        }

    def backward(self, batch: Sequence[ItemT]) -> tuple[float, np.ndarray]:
        """Accumulate the gradients of a batch; returns its loss and the margins of its pairs.

        Each process takes its share; gradients meet once, after its last run.
        """
        processes = self.accelerator.num_processes
        shares = shares_of(batch, processes, self.settings.tokens_per_backward)
        own = shares[self.accelerator.process_index]
        total = 0.0
        margins: list[np.ndarray] = []
        for index, (examples, weight) in enumerate(own):
            meet = index + 1 == len(own)
            with contextlib.nullcontext() if meet else self.accelerator.no_sync(self.network):
                scores = self.scores(examples)
                loss, of_pairs = self.objective(scores, examples)
                # DDP and FSDP average gradients over processes; the loss is a sum over prompts.
                self.accelerator.backward(loss * weight * processes)
            total += float(loss.detach()) * weight
            if weight:
                margins.append(of_pairs.float().cpu().numpy())
        gathered: list[tuple[float, list[np.ndarray]]] = gather_object([(total, margins)])
        return (
            sum(loss for loss, _ in gathered),
            np.concatenate([m for _, parts in gathered for m in parts]),
        )

    def rows(self, examples: Sequence[ItemT]) -> list[Row]:
        """Forward passes over all texts of some examples."""
        return self.model.rows([item for example in examples for item in example.encoded])

    def scores(self, examples: Sequence[ItemT]) -> Tensor:
        """Scores (n,) of all texts of some examples, in order."""
        device = self.accelerator.device
        if examples[0].features is not None:
            cached = [e.features for e in examples if e.features is not None]
            return self.network(torch.cat(cached).to(device))
        rows = self.rows(examples)
        return in_order(self.network([row.to(device) for row in rows]), rows)

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Held-out loss (of rankings: Bradley-Terry, a prompt weighs 1), accuracy, mean margin."""
        self.network.eval()
        total = 0.0
        parts = []
        for run, _ in shares_of(self.held_out, 1, self.settings.tokens_per_backward)[0]:
            loss, margins = self.held_out_objective(self.scores(run).float(), run)
            total += float(loss)
            parts.append(margins.cpu().numpy())
        self.network.train()
        _require_finite("held-out loss", total)
        margins_of_all = np.concatenate(parts)
        return {
            "eval_loss": total,
            "eval_accuracy": accuracy(margins_of_all),
            "eval_margin": float(margins_of_all.mean()),
        }

    def reported(self) -> dict[str, Any]:
        """What is trained on: counts, texts cut to fit, and how little of the work is padding."""
        encoded = [item for example in self.examples for item in example.encoded]
        epoch = batches_of(self.examples, self.settings.preset.batch_pairs, [self.seed, 0])
        rows = [row for batch in epoch for row in self.rows([self.examples[i] for i in batch])]
        computed = sum(row.input_ids.numel() for row in rows)
        return {
            "prompts": len(self.examples),
            "responses": len(encoded),
            "tokens": sum(example.tokens for example in self.examples),
            "max_length": self.model.encoder.max_length,
            "prompts_cut": sum(item.prompt_cut for item in encoded),
            "responses_cut": sum(item.response_cut for item in encoded),
            "tokens_computed_per_epoch": computed,
            "padding_share": sum(row.padding for row in rows) / computed,
            "steps": len(self.plan),
            "method": self.settings.preset.method,
        }

    def weights(self) -> Tensors:
        """The trained parameters, whole, by name; empty but on the main process."""
        found: dict[str, Any] = get_model_state_dict(self.network, options=WHOLE)
        trained = {name for name, p in self.model.scorer.named_parameters() if p.requires_grad}
        return {name: value.clone() for name, value in found.items() if name in trained}

    def moments(self) -> Tensors:
        """The optimiser's state, by key and parameter; empty but on the main process."""
        state: dict[str, Any] = get_optimizer_state_dict(
            self.network, self._plain_optimizer, options=WHOLE
        )
        return {
            f"{key}/{name}": value
            for name, entry in state.get("state", {}).items()
            for key, value in entry.items()
        }

    def load(self, weights: Tensors, moments: Tensors) -> None:
        """Put back what `weights` and `moments` gave."""
        options = StateDictOptions(full_state_dict=True, strict=False)
        set_model_state_dict(self.network, dict(weights), options=options)
        state: dict[str, Any] = get_optimizer_state_dict(
            self.network, self._plain_optimizer, options=replace(WHOLE, cpu_offload=False)
        )
        for name in state["state"]:
            state["state"][name] = {
                key.partition("/")[0]: value
                for key, value in moments.items()
                if key.partition("/")[2] == name
            }
        set_optimizer_state_dict(self.network, self._plain_optimizer, state, options=options)

    def finish(self, weights: Tensors) -> None:
        """Give the model those weights, as a plain network in evaluation mode."""
        if self.accelerator.distributed_type == DistributedType.FSDP:
            base, preset = self.settings.base, self.settings.preset
            whole = RewardModel.from_base(base, preset.max_length, self.seed, self.model.start)
            adapt(whole, preset, self.seed)
            self.model.model, self.model.scorer = whole.model, whole.scorer
        else:
            self.accelerator.unwrap_model(self.network, keep_fp32_wrapper=False)
        self.model.scorer.load_state_dict(weights, strict=False)
        merge(self.model)
        self.model.model.activation_checkpointing_disable()
        self.model.model.eval()

    @property
    def _plain_optimizer(self) -> torch.optim.Optimizer:
        return getattr(self.optimizer, "optimizer", self.optimizer)

    @contextlib.contextmanager
    def _explained(self, step: int, batch: Sequence[ItemT]) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            text = str(error).lower()
            if not isinstance(error, torch.OutOfMemoryError) and "can't allocate" not in text:
                raise
            raise RewardGateError(
                f"train: out of memory at step {step + 1}, prompts {_names(batch)}; lower "
                f"train.tokens_per_backward (now {self.settings.tokens_per_backward}), or in this "
                "base's train.presets set gradient_checkpointing: true or method: lora"
            ) from None


def _names(batch: Sequence[ItemT]) -> str:
    return ", ".join(example.prompt_id for example in batch[:5]) + ", ..." * (len(batch) > 5)


def _require_checkpointing(model: RewardModel) -> None:
    if not model.model.supports_gradient_checkpointing:
        raise RewardGateError(
            f"train.presets: {type(model.model).__name__} has no gradient checkpointing; set "
            "gradient_checkpointing: false"
        )


def _require_finite(name: str, value: float, where: str = "") -> None:
    if not math.isfinite(value):
        raise RewardGateError(
            f"train: the {name} is {value}{where}; lower the learning rates of this base under "
            "train.presets"
        )


def plan_of(examples: Sequence[ItemT], preset: TrainPreset, seed: int) -> list[list[int]]:
    """The batches of all epochs, one after the other; of a part of an epoch its first ones."""
    plan = []
    for epoch in range(math.ceil(preset.epochs)):
        batches = batches_of(examples, preset.batch_pairs, [seed, epoch])
        plan += batches[: math.ceil(min(preset.epochs - epoch, 1) * len(batches))]
    return plan


def first_prompts(responses: pd.DataFrame, count: int) -> pd.DataFrame:
    """The rows of the first `count` prompts."""
    return responses[responses["prompt_id"].isin(responses["prompt_id"].unique()[:count])]


def progress_line(log: TrainingLog, steps: int) -> str:
    now, held_out = log.steps[-1], log.evals[-1]
    return (
        f"step {now['step']}/{steps}  loss {now['loss']:.3f}  "
        f"eval loss {held_out['eval_loss']:.3f}  eval accuracy {held_out['eval_accuracy']:.3f}"
    )
