"""TRL's RewardTrainer at its best settings: a ranking is flattened into all its pairs."""

import tempfile

import pandas as pd
import torch
from datasets import Dataset
from transformers import PreTrainedModel, PrinterCallback
from trl import RewardConfig, RewardTrainer

from benchmarks.cases import PeerSettings, Recipe
from rewardgate.encoding import Encoder
from rewardgate.pairs import pairs_of

SAMPLING = ["random", "group_by_length"]
"""Of TRL's orders of the pairs, those that can differ on one device."""


def flattened(responses: pd.DataFrame, encoder: Encoder) -> Dataset:
    """All pairs of all rankings as TRL's pre-tokenised dataset; each text is tokenised once.

    `length` is that of the longer side, which is what its padding depends on.
    """
    ids = [
        encoder.encode(prompt, text).ids
        for prompt, text in zip(responses["prompt"], responses["text"], strict=True)
    ]
    pairs = pairs_of(responses)
    chosen = [ids[row] for row in pairs["chosen"]]
    rejected = [ids[row] for row in pairs["rejected"]]
    longer = [max(len(a), len(b)) for a, b in zip(chosen, rejected, strict=True)]
    return Dataset.from_dict({"chosen_ids": chosen, "rejected_ids": rejected, "length": longer})


def train_with_trl(
    model: PreTrainedModel,
    encoder: Encoder,
    pairs: Dataset,
    recipe: Recipe,
    settings: PeerSettings,
    seed: int,
) -> float:
    """Train `model` in place on all pairs once; returns the seconds that the loop took.

    Raises RuntimeError if the trainer dropped a pair.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = RewardConfig(
            output_dir=folder,
            num_train_epochs=1,
            per_device_train_batch_size=settings.batch,
            gradient_accumulation_steps=recipe.pairs_per_step // settings.batch,
            train_sampling_strategy=settings.sampling,
            remove_unused_columns=False,
            learning_rate=recipe.learning_rate,
            lr_scheduler_type="cosine",
            weight_decay=recipe.weight_decay,
            max_grad_norm=recipe.max_grad_norm,
            max_length=None,
            disable_dropout=True,
            activation_checkpointing=False,
            bf16=recipe.bf16,
            dataloader_pin_memory=torch.cuda.is_available(),
            logging_strategy="no",
            logging_nan_inf_filter=False,
            save_strategy="no",
            eval_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=seed,
        )
        trainer = RewardTrainer(
            model, config, train_dataset=pairs, processing_class=encoder.tokenizer
        )
        trainer.remove_callback(PrinterCallback)
        if trainer.num_examples(trainer.get_train_dataloader()) != len(pairs):
            raise RuntimeError("TRL dropped pairs")
        return float(trainer.train().metrics["train_runtime"])
