"""Rows of token ids for one forward pass: packed, without padding, or padded.

A packed row holds many texts end to end and each attends to itself alone, so no token is padding.
Texts that begin alike, as all responses to one prompt do, share that prefix: it is encoded once and
each text attends to it (for causal decoders, whose prefix does not depend on what follows).
Scores and gradients are those of the texts encoded one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from rewardgate.encoding import pad_right
from rewardgate.last_layer import positions_read

ATTENTION = "rewardgate_packed"
"""Name under which `attend` is registered as an attention implementation of transformers."""

MIN_SHARED = 16
"""Tokens from which on a common prefix is worth sharing."""

ROW_PREFIXES = 16
"""A row may grow to this many times a shared prefix before it is cut within a ranking, so that
encoding the prefix again in the next row costs less than a sixteenth."""


@dataclass(frozen=True)
class Segment:
    """A run of `length` tokens; they attend to segment `prefix`, if any, and to each other.

    mask: (length, length) True where a token attends to another of its segment; None is all, or
        for a causal decoder all before it
    """

    length: int
    prefix: int | None = None
    mask: Tensor | None = None


@dataclass(frozen=True)
class Row:
    """Inputs of one forward pass over n texts.

    input_ids: (b, length) int64
    attention_mask: (b, length) 1 on real tokens, in a padded row; else None
    position_ids: (1, length) and segments: the runs in order, in a packed row; else None
    first, last: (n,) where each text begins and ends, in the flattened (b * length)
    texts: the n texts, as indices into what the row was made from
    """

    input_ids: Tensor
    position_ids: Tensor | None
    attention_mask: Tensor | None
    segments: list[Segment] | None
    first: Tensor
    last: Tensor
    texts: list[int]

    @property
    def padding(self) -> int:
        """Tokens that are padding."""
        return 0 if self.attention_mask is None else int((self.attention_mask == 0).sum())

    def to(self, device: torch.device) -> "Row":
        moved: dict[str, Any] = {
            k: v.to(device) for k, v in vars(self).items() if isinstance(v, Tensor)
        }
        if self.segments is not None:
            moved["segments"] = [
                s if s.mask is None else replace(s, mask=s.mask.to(device)) for s in self.segments
            ]
        return replace(self, **moved)


def padded_rows(ids: Sequence[Sequence[int]], budget: int, pad_id: int) -> list[Row]:
    """Sort texts by length and cut them into rows of at most `budget` tokens, pads included.

    A text longer than that is a row of its own.
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(ids)), key=lambda i: len(ids[i])):
        if groups and len(ids[index]) * (len(groups[-1]) + 1) <= budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    rows = []
    for texts in groups:
        input_ids, mask = pad_right([ids[i] for i in texts], pad_id)
        rows.append(padded_row(input_ids, mask, texts))
    return rows


def padded_row(input_ids: Tensor, attention_mask: Tensor, texts: list[int]) -> Row:
    """A row of texts one below the other, (b, length), their pads on the right."""
    count, length = attention_mask.shape
    first = torch.arange(count, device=attention_mask.device) * length
    last = first + attention_mask.sum(dim=1) - 1
    return Row(input_ids, None, attention_mask, None, first, last, texts)


def packed_rows(ids: Sequence[Sequence[int]], budget: int, share: bool) -> list[Row]:
    """Lay texts end to end, in order, in rows of about `budget` tokens without padding.

    share: encode a common prefix of neighbouring texts once (causal decoders only)
    A row is cut between texts; within texts that share a prefix only beyond ROW_PREFIXES times it.
    """
    rows: list[Row] = []
    pending: list[tuple[list[int], int]] = []
    held = 0
    for texts, prefix in _families(ids) if share else [([i], 0) for i in range(len(ids))]:
        for part in _parts(ids, texts, prefix, max(budget, ROW_PREFIXES * prefix)):
            shared = prefix if len(part) > 1 else 0
            size = shared + sum(len(ids[i]) - shared for i in part)
            if pending and held + size > budget:
                rows.append(_pack(ids, pending))
                pending, held = [], 0
            pending.append((part, shared))
            held += size
    if pending:
        rows.append(_pack(ids, pending))
    return rows


def _families(ids: Sequence[Sequence[int]]) -> list[tuple[list[int], int]]:
    """Runs of neighbouring texts with the length of the prefix that each run shares.

    A text joins the run before it if that leaves fewer tokens to encode: n texts that share p
    tokens save (n - 1) p of them.
    """
    families: list[tuple[list[int], int]] = []
    for index, text in enumerate(ids):
        if families:
            texts, prefix = families[-1]
            # The last token of every text stays its own: its score is read there.
            limit = (prefix if len(texts) > 1 else len(ids[texts[0]]) - 1, len(text) - 1)
            same = takewhile(
                lambda pair: pair[0] == pair[1], zip(ids[texts[0]], text, strict=False)
            )
            common = min(*limit, sum(1 for _ in same))
            if common >= MIN_SHARED and len(texts) * common > (len(texts) - 1) * prefix:
                families[-1] = ([*texts, index], common)
                continue
        families.append(([index], 0))
    return families


def _parts(
    ids: Sequence[Sequence[int]], texts: list[int], prefix: int, limit: int
) -> list[list[int]]:
    """Cut one family into runs that stay within `limit` tokens."""
    parts: list[list[int]] = [[]]
    held = prefix
    for index in texts:
        own = len(ids[index]) - prefix
        if parts[-1] and held + own > limit:
            parts.append([])
            held = prefix
        parts[-1].append(index)
        held += own
    return parts


def _pack(ids: Sequence[Sequence[int]], families: list[tuple[list[int], int]]) -> Row:
    tokens: list[int] = []
    positions: list[int] = []
    segments: list[Segment] = []
    first: list[int] = []
    last: list[int] = []
    for texts, prefix in families:
        parent = None
        start = len(tokens)
        if prefix:
            parent = len(segments)
            segments.append(Segment(prefix))
            tokens.extend(ids[texts[0]][:prefix])
            positions.extend(range(prefix))
        for index in texts:
            first.append(start if prefix else len(tokens))
            segments.append(Segment(len(ids[index]) - prefix, parent))
            tokens.extend(ids[index][prefix:])
            positions.extend(range(prefix, len(ids[index])))
            last.append(len(tokens) - 1)
    return Row(
        torch.tensor([tokens]),
        torch.tensor([positions]),
        None,
        segments,
        torch.tensor(first),
        torch.tensor(last),
        [index for texts, _ in families for index in texts],
    )


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    segments: Sequence[Segment] | None = None,
    read: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attention of transformers' interface: by segment in a packed row, else its own SDPA.

    query: (1, heads, length, d); key and value: (1, key heads, length, d)
    read: positions (n,) that the last layer is computed at
    Returns (1, length, heads, d).
    """
    positions_read.set(read)
    if segments is None:
        return sdpa_attention_forward(
            module,
            query,
            key,
            value,
            attention_mask,
            dropout=dropout,
            scaling=scaling,
            is_causal=is_causal,
            **kwargs,
        )
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    repeats = query.shape[1] // key.shape[1]
    dtype, device = query.dtype, query.device.type
    if slow := device == "cpu" and dtype == torch.bfloat16:  # its backward takes 6 times as long
        query, key, value = query.float(), key.float(), value.float()
    lengths = [segment.length for segment in segments]
    queries = query.split(lengths, dim=2)
    keys = repeat_kv(key, repeats).split(lengths, dim=2)
    values = repeat_kv(value, repeats).split(lengths, dim=2)
    outputs = []
    for q, k, v, segment in zip(queries, keys, values, segments, strict=True):
        mask = segment.mask
        if segment.prefix is not None:
            k = torch.cat([keys[segment.prefix], k], dim=2)
            v = torch.cat([values[segment.prefix], v], dim=2)
            seen = k.shape[2] - q.shape[2]
            mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril(seen)
        with torch.autocast(device, enabled=not slow and torch.is_autocast_enabled(device)):
            outputs.append(
                F.scaled_dot_product_attention(
                    q,
                    k,
                    v,
                    attn_mask=mask,
                    dropout_p=dropout,
                    is_causal=causal and mask is None and q.shape[2] > 1,
                    scale=scaling,
                )
            )
    return torch.cat(outputs, dim=2).transpose(1, 2).contiguous().to(dtype), None


def _mask(*args: Any, attention_mask: Tensor | None = None, **kwargs: Any) -> Tensor | None:
    """No mask for a packed row (its segments say it all), transformers' own for a padded one."""
    if attention_mask is None:
        return None
    return sdpa_mask(*args, **kwargs, attention_mask=attention_mask)  # type: ignore[misc]


AttentionInterface.register(ATTENTION, attend)
AttentionMaskInterface.register(ATTENTION, _mask)
