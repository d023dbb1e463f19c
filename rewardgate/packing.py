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
from torch import Tensor

from rewardgate.encoding import pad_right
from rewardgate.packed_attention import Segment

MIN_SHARED = 16
"""Tokens from which on a common prefix is worth sharing."""

ROW_PREFIXES = 16
"""A row may grow to this many times a shared prefix before it is cut within a ranking, so that
encoding the prefix again in the next row costs less than a sixteenth."""


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
        """The row with its inputs on a device; where texts begin and end stays at hand."""
        inputs: dict[str, Any] = {
            name: None if value is None else value.to(device)
            for name, value in vars(self).items()
            if name in ("input_ids", "position_ids", "attention_mask")
        }
        return replace(self, **inputs)


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
