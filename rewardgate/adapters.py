"""What of a base is trained: all of it, low-rank adapters (LoRA), or the head alone."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from peft import LoraConfig
from peft.tuners.lora import LoraModel
from torch import nn
from tqdm import tqdm

from rewardgate.errors import RewardGateError
from rewardgate.examples import ItemT
from rewardgate.reward_model import RewardModel, in_order
from rewardgate.settings import TrainPreset


def adapt(model: RewardModel, preset: TrainPreset, seed: int) -> None:
    """Leave trainable what the preset's method trains; LoRA layers are put in, seeded.

    LoRA (Hu et al. 2021) goes on every linear layer of the trunk; its update starts at zero.
    Raises RewardGateError if more layers are to be frozen than the base has, or if the head of
    the base cannot be told from its trunk.
    """
    if preset.method != "full" and not model.scorer.has_features:
        raise RewardGateError(
            f"train.presets: method {preset.method} needs a decoder or an encoder with a pooler, "
            f"which {type(model.model).__name__} is not; use method: full"
        )
    if preset.method == "head":
        model.model.requires_grad_(False)
        model.scorer.head.requires_grad_(True)
        return
    if preset.method == "lora":
        torch.manual_seed(seed)
        config = LoraConfig(
            r=preset.lora_rank,
            lora_alpha=preset.lora_alpha,
            lora_dropout=0.0,
            target_modules=_linear_layers(model),
        )
        LoraModel(model.model, config, "default")
        model.scorer.head.requires_grad_(True)
    model.scorer.freeze(preset.freeze_embeddings and preset.method == "full", preset.frozen_layers)


def merge(model: RewardModel) -> None:
    """Fold LoRA layers, if there are any, into the linear layers they adapt."""
    for name, module in list(model.model.named_modules()):
        if hasattr(module, "lora_A"):
            module.merge(safe_merge=True)
            parent, _, child = name.rpartition(".")
            setattr(model.model.get_submodule(parent), child, module.get_base_layer())
    model.model.requires_grad_(True)


def with_features(model: RewardModel, examples: Sequence[ItemT], label: str) -> list[ItemT]:
    """Examples with the features (k, hidden) of their responses, each computed once."""
    result = []
    with torch.no_grad():
        for example in tqdm(examples, desc=label, disable=None):
            rows = model.rows(example.encoded)
            features = [model.scorer.features(row.to(model.model.device)) for row in rows]
            computed = in_order(torch.cat(features), rows).cpu()
            result.append(replace(example, features=computed))
    return result


def _linear_layers(model: RewardModel) -> list[str]:
    head = model.scorer.head
    return [
        name
        for name, module in model.model.named_modules()
        if isinstance(module, nn.Linear) and module is not head
    ]
