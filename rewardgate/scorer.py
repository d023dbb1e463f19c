"""The network of a reward model as one torch module, from rows of token ids to scores."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from rewardgate.errors import RewardGateError
from rewardgate.last_layer import blocks_of, compute_where_read
from rewardgate.packed_attention import ATTENTION, FILL, attention_pattern
from rewardgate.packing import Row, packed_rows, padded_rows

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
        self.packs = self.has_features and self._packs()
        self.skips = self.packs and self._skips()

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
        return torch.cat(
            [self._scores(*row) for row in zip(inputs, self._embed(inputs), strict=True)]
        )

    def _embed(self, rows: Sequence[Row]) -> Sequence[Tensor | None]:
        """The rows' tokens, embedded together: each call makes a gradient of the whole vocabulary.

        None where the trunk may as well do it.
        """
        embedding = self.model.get_input_embeddings()
        learns = torch.is_grad_enabled() and any(p.requires_grad for p in embedding.parameters())
        if not (self.packs and learns):
            return [None] * len(rows)
        embedded = embedding(torch.cat([row.input_ids.flatten() for row in rows]))
        parts = embedded.split([row.input_ids.numel() for row in rows])
        return [e.unflatten(0, row.input_ids.shape) for e, row in zip(parts, rows, strict=True)]

    def features(self, row: Row, embedded: Tensor | None = None) -> Tensor:
        """What the head reads of each text of a row: (n, hidden).

        embedded: (b, length, d) the row's tokens, embedded; None embeds them
        """
        extra: dict[str, Any] = {"use_cache": False} if self.is_decoder else {}
        read = row.last if self.is_decoder else row.first
        if row.segments is not None:
            fill = FILL.get(self.model.device.type, FILL["cuda"])
            pattern = partial(
                attention_pattern, row.segments, self.is_decoder, fill, device=self.model.device
            )
            extra["pattern"] = pattern()
            if self.skips:
                extra["read"] = pattern(at=read.unique())
        trunk = self.model.base_model
        hidden = trunk(
            input_ids=row.input_ids if embedded is None else None,
            inputs_embeds=embedded,
            attention_mask=row.attention_mask,
            position_ids=row.position_ids,
            **extra,
        ).last_hidden_state.flatten(0, 1)
        if self.is_decoder:
            return hidden[read]
        return trunk.get_submodule("pooler")(hidden[read][:, None])

    def _scores(self, row: Row, embedded: Tensor | None) -> Tensor:
        if self.has_features:
            return self.head(self.features(row, embedded))[:, 0]
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

    def _packs(self) -> bool:
        """Packs from now on if that leaves the features as they are."""
        config = self.model.config.get_text_config()
        windows = getattr(config, "layer_types", None) or (
            ["sliding" if getattr(config, "sliding_window", None) else "full_attention"]
        )
        if set(windows) != {"full_attention"}:
            return False
        before = self.model.config._attn_implementation

        def pack() -> Callable[[], None]:
            self.model.set_attn_implementation(ATTENTION)
            return lambda: self.model.set_attn_implementation(before)

        (padded,) = padded_rows(self._probe, 1024, pad_id=0)
        return self._leaves_features(pack, padded)

    def _skips(self) -> bool:
        """Skips from now on if that leaves the features as they are."""

        def skip() -> Callable[[], None]:
            undo = compute_where_read(blocks_of(self.model.base_model)[-1])
            self.skips = True
            return undo

        return self._leaves_features(skip, self._packed_probe())

    @torch.no_grad()
    def _leaves_features(self, change: Callable[[], Callable[[], None]], before: Row) -> bool:
        """Change the model; undo that if the packed probe does not give the features of `before`.

        change: changes the model and returns what undoes it
        """
        texts = torch.argsort(torch.tensor(before.texts))
        expected = self.features(before.to(self.model.device))[texts]
        try:
            undo = change()
        except (TypeError, ValueError, AttributeError):
            return False
        try:
            error = (self.features(self._packed_probe()) - expected).norm()
        except (TypeError, ValueError, AttributeError, RuntimeError):
            undo()
            return False
        if error <= PROBE_TOLERANCE * (expected[0] - expected[1]).norm():
            return True
        undo()
        return False

    def _packed_probe(self) -> Row:
        (row,) = packed_rows(self._probe, 1024, share=self.is_decoder)
        return row.to(self.model.device)
