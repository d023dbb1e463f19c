"""The reward model: a one-label sequence classifier r(x, y) in the standard Hugging Face layout."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rewardgate.bases import load_base, take_weights
from rewardgate.encoding import Encoded, Encoder, move_pads_right
from rewardgate.errors import RewardGateError
from rewardgate.packing import Row, packed_rows, padded_row, padded_rows
from rewardgate.processes import processes
from rewardgate.scorer import Scorer

TOKENS_PER_ROW = {"cpu": 1024, "cuda": 16384}
"""Tokens in one forward pass, by device. On a CPU larger rows fall out of its caches: 4,096 tokens
were a fifth slower a token than 1,024."""


class RewardModel:
    """Scores a response y to a prompt x; higher is better, only differences have a meaning."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_length: int
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.encoder = Encoder(tokenizer, max_length)
        self.scorer = Scorer(model)
        self.start: Path | None = None

    @classmethod
    def from_base(
        cls, base: str, max_length: int, seed: int, start: Path | None = None
    ) -> "RewardModel":
        """A fresh head on a base model, or such a model with the weights of another one.

        start: the folder of a reward model on the same base
        Raises RewardGateError if the base cannot be loaded, or `start` is on another one.
        """
        model, tokenizer = load_base(base, seed)
        if start is not None:
            take_weights(model, tokenizer, start)
        positions = getattr(model.config, "max_position_embeddings", max_length)
        tokenizer.model_max_length = min(max_length, positions)
        made = cls(model, tokenizer, tokenizer.model_max_length)
        made.start = start
        return made

    @classmethod
    def load(cls, path: str | Path) -> "RewardModel":
        """Load a saved reward model onto this process's device, a GPU where there is one.

        Raises RewardGateError if there is none at `path`.
        """
        if not (Path(path) / "model.safetensors").is_file():
            raise RewardGateError(f"{path}: holds no reward model; run the train stage first")
        model = AutoModelForSequenceClassification.from_pretrained(
            path, dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        model.eval().to(processes().device)
        return cls(model, tokenizer, tokenizer.model_max_length)

    def save(self, path: str | Path) -> None:
        """Write safetensors, config, tokenizer and chat template into the folder `path`."""
        self.model.save_pretrained(path, max_shard_size="1000GB")
        self.tokenizer.save_pretrained(path)

    @property
    def tokens_per_row(self) -> int:
        """Tokens in one forward pass on the model's device."""
        return TOKENS_PER_ROW.get(self.model.device.type, TOKENS_PER_ROW["cuda"])

    def rows(self, encoded: Sequence[Encoded]) -> list[Row]:
        """Forward passes that together hold every text once; their `texts` say which."""
        ids = [item.ids for item in encoded]
        if self.scorer.packs:
            return packed_rows(ids, self.tokens_per_row, share=self.scorer.is_decoder)
        return padded_rows(ids, self.tokens_per_row, self.tokenizer.pad_token_id)

    def scores(self, encoded: Sequence[Encoded]) -> Tensor:
        """Scores (n,) in the order given, with gradients if they are enabled."""
        rows = self.rows(encoded)
        return in_order(self.scorer([row.to(self.model.device) for row in rows]), rows)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Scores (b,) of a padded batch, both inputs (b, length), pads on either side."""
        texts = list(range(len(input_ids)))
        return self.scorer([padded_row(*move_pads_right(input_ids, attention_mask), texts)])


def in_order(values: Tensor, rows: Sequence[Row]) -> Tensor:
    """Values (n, ...) that were computed row by row, in the order of the texts (n, ...)."""
    texts = torch.tensor([index for row in rows for index in row.texts], device=values.device)
    return values[torch.argsort(texts)]
