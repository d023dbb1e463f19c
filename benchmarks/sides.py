"""One side of the training benchmark, in a process of its own so that its memory is its own."""

import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from benchmarks.cases import Case
from benchmarks.children import READY, RUN
from benchmarks.meter import Meter, peak_memory
from benchmarks.rankings import PARAMS
from rewardgate.bases import load_base
from rewardgate.checkpoints import Checkpoints
from rewardgate.encoding import Encoder
from rewardgate.metrics import accuracy
from rewardgate.pairs import pairs_of
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score
from rewardgate.settings import Train, load_settings
from rewardgate.training import Trainer, fit

SEED = 7
"""Of the first training; each repetition adds 1, for both sides alike."""

NEVER = 10**9


@dataclass(frozen=True)
class Measured:
    """One training: pairs of its data and seconds, positions and tokens that were encoded, peak
    memory of the process (of the GPU where there is one) in bytes, parameters but embeddings."""

    pairs: int
    seconds: float
    positions: int
    tokens: int
    peak_memory: int
    parameters: int


class Ours:
    """rewardgate's training as its train stage calls it; rankings are tokenised before its time
    begins."""

    def __init__(self, case: Case, train_set: pd.DataFrame) -> None:
        self.case = case
        self.train_set = train_set
        shipped = load_settings(PARAMS).train
        preset = shipped.presets["other"].model_copy(
            update={
                "learning_rate": case.recipe.learning_rate,
                "head_learning_rate": case.recipe.learning_rate,
                "max_length": case.max_length,
                "batch_pairs": case.recipe.pairs_per_step,
                "epochs": case.our_epochs,
            }
        )
        self.settings: Train = shipped.model_copy(
            update={
                "base": case.base,
                "presets": {"other": preset},
                "loss": shipped.loss.model_copy(update={"weighting": "pair"}),
                "precision": "bf16" if case.recipe.bf16 else "fp32",
                "warmup_share": 0.0,
                "weight_decay": case.recipe.weight_decay,
                "max_grad_norm": case.recipe.max_grad_norm,
                "checkpoint_steps": NEVER,
                "eval_steps": NEVER,
            }
        )

    def load(self, seed: int) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        self.model = RewardModel.from_base(self.case.base, self.case.max_length, seed)
        return self.model.model, self.model.tokenizer

    def train(self, seed: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            no_evaluation = self.train_set.iloc[:0]
            trainer = Trainer.prepare(
                self.model, self.train_set, no_evaluation, self.settings, seed
            )
            start = time.perf_counter()
            fit(trainer, Checkpoints(Path(folder), {}))
            return time.perf_counter() - start


class Peer:
    """TRL's RewardTrainer on all pairs; they are tokenised before its time begins."""

    def __init__(self, case: Case, train_set: pd.DataFrame) -> None:
        from benchmarks.peers import flattened

        self.case = case
        _, tokenizer = load_base(case.base, SEED)
        self.encoder = Encoder(tokenizer, case.max_length)
        self.pairs = flattened(train_set, self.encoder)

    def load(self, seed: int) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        self.model, tokenizer = load_base(self.case.base, seed)
        return self.model, tokenizer

    def train(self, seed: int) -> float:
        from benchmarks.peers import train_with_trl

        return train_with_trl(
            self.model, self.encoder, self.pairs, self.case.recipe, self.case.peer, seed
        )


SIDES: dict[str, Callable[[Case, pd.DataFrame], Ours | Peer]] = {"TRL": Peer, "rewardgate": Ours}


def serve(connection: Connection, side: str, case: Case, threads: int) -> None:
    """Answer each RUN with a Measured of a fresh model, and the first other message with the mean
    of the models' held-out accuracies."""
    torch.set_num_threads(threads)
    train_set, held_out = case.tables()
    learner = SIDES[side](case, train_set)
    pairs = len(pairs_of(train_set))
    accuracies: list[float] = []
    connection.send(READY)
    while connection.recv() == RUN:
        seed = SEED + len(accuracies)
        model, tokenizer = learner.load(seed)
        meter = Meter(model, tokenizer.pad_token_id)
        seconds = learner.train(seed)
        meter.remove()
        measured = Measured(
            pairs,
            seconds,
            meter.positions,
            int(meter.tokens),
            peak_memory(),
            parameters_without_embeddings(model),
        )
        judge = RewardModel(model, tokenizer, case.max_length)
        accuracies.append(held_out_accuracy(judge, held_out))
        leave_device(model)
        connection.send(measured)
    connection.send(statistics.fmean(accuracies))


def leave_device(model: PreTrainedModel) -> None:
    """Give a GPU's memory to the other side."""
    model.zero_grad(set_to_none=True)
    model.cpu()
    gc.collect()
    torch.cuda.empty_cache()


def parameters_without_embeddings(model: PreTrainedModel) -> int:
    embeddings = model.get_input_embeddings().get_parameter("weight").numel()
    return sum(parameter.numel() for parameter in model.parameters()) - embeddings


def held_out_accuracy(judge: RewardModel, held_out: pd.DataFrame) -> float:
    """Share of the pairs of the held-out rankings that the judge orders as they are."""
    judge.model.eval()
    scores = score(judge, held_out["prompt"].tolist(), held_out["text"].tolist(), label=None)
    pairs = pairs_of(held_out)
    return accuracy(scores[pairs["chosen"]] - scores[pairs["rejected"]])
