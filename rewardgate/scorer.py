"""The network of a reward model as one torch module, from rows of token ids to scores."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from rewardgate.errors import RewardGateError
from rewardgate.last_layer import blocks_of, compute_where_read
from rewardgate.packing import ATTENTION, Row, packed_rows, padded_rows

PROBE_TOLERANCE = 1e-4
"""Largest error in the features of the two probe texts, as a share of their distance. A fresh head
makes scores so small that an error in them would not show."""


class Scorer(nn.Module):
    """Scores (n,) of the texts of some rows, in the order of the rows.

    A decoder's score is read at the last token of a text (InstructGPT, section 3.5, puts the scalar
    head there); an encoder's at its first, as its pooler was pre-trained. No pad id plays a part,
    so a text may end in any token.

    has_features: whether the trunk can be told from the head: a decoder, or an encoder with a
        pooler, where the head on its features gives the architecture's own score
    packs: whether the architecture can take packed rows
    skips: whether in packed rows the last layer is computed only where a score is read

    None of it is assumed; all is tried, once, on two probe texts.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        pad_id = model.config.get_text_config().pad_token_id
        words = [word for word in range(2, 28) if word != pad_id]
        self._probe = [words[:20], [*words[:17], *words[19:25]]]
        self.has_features = self._agrees_with_the_architecture()
        self.skips = False
        self.packs = self.has_features and self._agrees_with_padding()
        self.skips = self.packs and self._agrees_when_skipping()

    @property
    def is_decoder(self) -> bool:
        """Whether the head is the bias-free `score` that transformers puts on causal decoders."""
        return hasattr(self.model, "score")

    @property
    def head(self) -> nn.Module:
        """The layer that turns features into scores."""
        return self.model.get_submodule("score" if self.is_decoder else "classifier")

    def forward(self, inputs: Sequence[Row] | Tensor) -> Tensor:
        """Scores (n,) of the texts of rows, or of features (n, hidden) computed before."""
        if isinstance(inputs, Tensor):
            return self.head(inputs)[:, 0]
        return torch.cat([self._scores(row) for row in inputs])

    def features(self, row: Row) -> Tensor:
        """What the head reads of each text of a row: (n, hidden)."""
        extra: dict[str, Any] = {"use_cache": False} if self.is_decoder else {}
        read = row.last if self.is_decoder else row.first
        if row.segments is not None:
            extra["segments"] = row.segments
            if self.skips:
                extra["read"] = read.unique()
        trunk = self.model.base_model
        hidden = trunk(
            input_ids=row.input_ids,
            attention_mask=row.attention_mask,
            position_ids=row.position_ids,
            **extra,
        ).last_hidden_state.flatten(0, 1)
        if self.is_decoder:
            return hidden[read]
        return trunk.get_submodule("pooler")(hidden[read][:, None])

    def _scores(self, row: Row) -> Tensor:
        if self.has_features:
            return self.head(self.features(row))[:, 0]
        return self.model(input_ids=row.input_ids, attention_mask=row.attention_mask).logits[:, 0]

    def freeze(self, embeddings: bool, layers: int) -> None:
        """Keep the embeddings, and the lowest `layers` transformer layers, as they are.

        Raises RewardGateError if the base has fewer layers.
        """
        trunk = self.model.base_model
        blocks = blocks_of(trunk)
        if layers > len(blocks):
            raise RewardGateError(
                f"train.presets: frozen_layers {layers}, but the base has {len(blocks)} layers"
            )
        frozen: list[nn.Module] = list(blocks[:layers])
        if embeddings:
            frozen.append(getattr(trunk, "embeddings", self.model.get_input_embeddings()))
        for module in frozen:
            module.requires_grad_(False)

    @torch.no_grad()
    def _agrees_with_the_architecture(self) -> bool:
        pooler = getattr(self.model.base_model, "pooler", None)
        pooled = isinstance(pooler, nn.Module) and hasattr(self.model, "classifier")
        if not self.is_decoder and not pooled:
            return False
        for text in self._probe:
            (row,) = padded_rows([text], 1024, pad_id=0)
            row = row.to(self.model.device)
            own = self.model(input_ids=row.input_ids, attention_mask=row.attention_mask).logits
            try:
                ours = self.head(self.features(row))
            except (TypeError, ValueError, AttributeError, IndexError, RuntimeError):
                return False
            if ours.shape != own.shape or not torch.allclose(ours, own, rtol=1e-3, atol=1e-6):
                return False
        return True

    @torch.no_grad()
    def _agrees_with_padding(self) -> bool:
        config = self.model.config.get_text_config()
        windows = getattr(config, "layer_types", None) or (
            ["sliding" if getattr(config, "sliding_window", None) else "full_attention"]
        )
        if set(windows) != {"full_attention"}:
            return False
        before = self.model.config._attn_implementation
        (padded_row,) = padded_rows(self._probe, 1024, pad_id=0)
        padded_row = padded_row.to(self.model.device)
        try:
            self.model.set_attn_implementation(ATTENTION)
            padded = self.features(padded_row)[torch.argsort(torch.tensor(padded_row.texts))]
            agree = _agree(self.features(self._packed_probe()), padded)
        except (TypeError, ValueError, AttributeError):
            agree = False
        if not agree:
            self.model.set_attn_implementation(before)
        return agree

    @torch.no_grad()
    def _agrees_when_skipping(self) -> bool:
        row = self._packed_probe()
        whole = self.features(row)
        try:
            undo = compute_where_read(blocks_of(self.model.base_model)[-1])
        except AttributeError:
            return False
        self.skips = True
        try:
            agree = _agree(self.features(row), whole)
        except (TypeError, ValueError, AttributeError, RuntimeError):
            agree = False
        if not agree:
            undo()
        return agree

    def _packed_probe(self) -> Row:
        (row,) = packed_rows(self._probe, 1024, share=self.is_decoder)
        return row.to(self.model.device)


def _agree(features: Tensor, expected: Tensor) -> bool:
    """Whether the features (2, hidden) of the probe texts are those expected."""
    return bool(
        (features - expected).norm() <= PROBE_TOLERANCE * (expected[0] - expected[1]).norm()
    )
