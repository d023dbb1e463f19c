"""The reward model: a one-label sequence classifier r(x, y) in the standard Hugging Face layout."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rewardgate.bases import load_base
from rewardgate.encoding import Encoded, Encoder, move_pads_right, pad_right
from rewardgate.errors import RewardGateError

TOKENS_PER_FORWARD = {"cpu": 1024, "cuda": 16384}
"""Padded tokens in one forward pass, by device. Texts are sorted, so a small budget means little
padding; on a CPU, where a large batch gains nothing, 1024 was 1.5 times as fast as 4096."""


class RewardModel:
    """Scores a response y to a prompt x; higher is better, only differences have a meaning."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_length: int
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.encoder = Encoder(tokenizer, max_length)

    @classmethod
    def from_base(cls, base: str, max_length: int, seed: int) -> "RewardModel":
        """A fresh head on a base model. Raises RewardGateError if the base cannot be loaded."""
        model, tokenizer = load_base(base, seed)
        positions = getattr(model.config, "max_position_embeddings", max_length)
        tokenizer.model_max_length = min(max_length, positions)
        return cls(model, tokenizer, tokenizer.model_max_length)

    @classmethod
    def load(cls, path: str | Path) -> "RewardModel":
        """Load a saved reward model. Raises RewardGateError if there is none at `path`."""
        if not (Path(path) / "model.safetensors").is_file():
            raise RewardGateError(f"{path}: holds no reward model; run the train stage first")
        model = AutoModelForSequenceClassification.from_pretrained(
            path, dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        model.eval()
        return cls(model, tokenizer, tokenizer.model_max_length)

    def save(self, path: str | Path) -> None:
        """Write safetensors, config, tokenizer and chat template into the folder `path`."""
        self.model.save_pretrained(path, max_shard_size="1000GB")
        self.tokenizer.save_pretrained(path)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Scores (b,) of a padded batch, both inputs (b, length), pads on either side.

        A decoder's score is read at the last real token, found from the attention mask (InstructGPT
        section 3.5 puts the scalar head there); an encoder's at its first token, as its pooler
        was pre-trained. The pad id plays no part, so a text may end in any token.
        """
        input_ids, attention_mask = move_pads_right(input_ids, attention_mask)
        if not self.is_decoder:
            return self.model(input_ids=input_ids, attention_mask=attention_mask).logits[:, 0]
        backbone = self.model.get_submodule(self.model.base_model_prefix)
        hidden = backbone(
            input_ids=input_ids, attention_mask=attention_mask, use_cache=False
        ).last_hidden_state
        last = attention_mask.sum(dim=1) - 1
        return self.model.get_submodule("score")(hidden[torch.arange(len(last)), last])[:, 0]

    @property
    def is_decoder(self) -> bool:
        """Whether the head is the bias-free `score` that transformers puts on causal decoders."""
        return hasattr(self.model, "score")

    def scores(self, encoded: Sequence[Encoded]) -> Tensor:
        """Scores (n,) in the order given, with gradients if they are enabled.

        Texts are sorted by length and run in batches of bounded padded tokens.
        """
        budget = TOKENS_PER_FORWARD.get(self.model.device.type, TOKENS_PER_FORWARD["cuda"])
        lengths = [len(item.ids) for item in encoded]
        order = sorted(range(len(encoded)), key=lengths.__getitem__)
        parts = []
        for batch in token_batches(lengths, order, budget):
            ids, mask = pad_right([encoded[i].ids for i in batch], self.tokenizer.pad_token_id)
            parts.append(self.forward(ids.to(self.model.device), mask.to(self.model.device)))
        back = torch.empty(len(order), dtype=torch.long)
        back[torch.tensor(order, dtype=torch.long)] = torch.arange(len(order))
        return torch.cat(parts)[back.to(self.model.device)]

    def freeze(self, embeddings: bool, layers: int) -> None:
        """Keep the embeddings, and the lowest `layers` transformer layers, as they are.

        Raises RewardGateError if the base has fewer layers.
        """
        trunk = self.model.base_model
        blocks = max((m for m in trunk.modules() if isinstance(m, nn.ModuleList)), key=len)
        if layers > len(blocks):
            raise RewardGateError(
                f"train.presets: frozen_layers {layers}, but the base has {len(blocks)} layers"
            )
        frozen: list[nn.Module] = list(blocks[:layers])
        if embeddings:
            frozen.append(getattr(trunk, "embeddings", self.model.get_input_embeddings()))
        for module in frozen:
            module.requires_grad_(False)


def token_batches(lengths: Sequence[int], order: Sequence[int], budget: int) -> list[list[int]]:
    """Cut indices, sorted by length, into runs of at most `budget` padded tokens.

    A text longer than that is a run of its own.
    """
    batches: list[list[int]] = []
    for index in order:
        if batches and lengths[index] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
