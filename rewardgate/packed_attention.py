"""Attention in a packed row: a run of tokens attends to its prefix, if it has one, and to itself.

Runs of about the same shape are one call of scaled dot-product attention, the shorter ones filled
up. So a GPU, where a call costs the same for a short run as for many, is given few; all else in a
layer is computed without padding.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "rewardgate_packed"
"""Name under which `attend` is registered as an attention implementation of transformers."""

FILL = {"cpu": 0.0, "cuda": 0.5}
"""Share that filling up may add to what the runs of a call compute."""


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
class Call:
    """Runs of tokens that attend in one call, each filled up to as many queries and keys.

    mask: (runs, 1, queries, keys) True where a query attends to a key; None is all, or if `causal`
        those that are not after it
    """

    runs: int
    queries: int
    keys: int
    mask: Tensor | None
    causal: bool


@dataclass(frozen=True)
class Pattern:
    """What attends to what in a packed row of `length` tokens.

    queries, keys: positions in the row of those of all calls, one call after another
    order: (m,) which of the queries are the tokens asked for, the others fill up
        (each of the three None if it is the row as it is)
    at: (m,) positions of the tokens asked for, in order; None is all of the row
    """

    length: int
    calls: list[Call]
    queries: Tensor | None
    keys: Tensor | None
    order: Tensor | None
    at: Tensor | None


@dataclass(frozen=True)
class _Run:
    """The tokens of one segment that attend: (q,) and what they attend to: (k,), as positions.

    reach: (q,) keys, from the first on, that each attends to, unless there is a mask (q, k)
    """

    queries: Tensor
    keys: Tensor
    reach: Tensor
    mask: Tensor | None

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.queries), len(self.keys)

    @property
    def kind(self) -> tuple[bool, bool]:
        """Runs of one kind can share a call: those with a mask, and without one whole texts."""
        return self.mask is not None, self.mask is None and self.shape[0] == self.shape[1]


def attention_pattern(
    segments: Sequence[Segment],
    causal: bool,
    fill: float,
    at: Tensor | None = None,
    device: torch.device | None = None,
) -> Pattern:
    """The pattern, on a device (None is the CPU), of a row made of segments, in order.

    fill: share that filling up may add to what the runs of a call compute
    at: (m,) positions, distinct and in order, of the tokens that attend; None is all
    """
    runs = _runs(segments, causal, at)
    places: list[Tensor] = [torch.empty(0, dtype=torch.int64)] * len(runs)
    calls, queries, keys = [], [], []
    done = 0
    for members in _grouped(runs, fill):
        together = [runs[index] for index in members]
        calls.append(_call(together, causal, device))
        queries.append(_filled([run.queries for run in together]).flatten())
        keys.append(_filled([run.keys for run in together]).flatten())
        for index in members:
            places[index] = torch.arange(done, done + len(runs[index].queries))
            done += calls[-1].queries
    length = sum(segment.length for segment in segments)
    return Pattern(
        length,
        calls,
        _selection(queries, length, device),
        _selection(keys, length, device),
        _selection(places, length, device),
        None if at is None else at.to(device),
    )


def _runs(segments: Sequence[Segment], causal: bool, at: Tensor | None) -> list[_Run]:
    """One run for each segment of which some token attends, in order."""
    lengths = [segment.length for segment in segments]
    ends = torch.tensor(lengths).cumsum(0)
    spans = list(torch.arange(int(ends[-1])).split(lengths))
    asked = spans
    if at is not None:
        counts = torch.bincount(torch.bucketize(at, ends, right=True), minlength=len(segments))
        asked = list(at.split(counts.tolist()))
    runs = []
    for segment, span, queries in zip(segments, spans, asked, strict=True):
        if not len(queries):
            continue
        own = queries - span[0]
        keys = span if segment.prefix is None else torch.cat([spans[segment.prefix], span])
        reach = len(keys) - len(span) + own + 1 if causal else torch.full_like(own, len(keys))
        runs.append(_Run(queries, keys, reach, None if segment.mask is None else segment.mask[own]))
    return runs


def _grouped(runs: Sequence[_Run], fill: float) -> list[list[int]]:
    """Runs that share a call, as indices: of one kind, and of a shape that fills up little.

    Where nothing may fill up they stay in order, so that nothing has to be gathered.
    """
    order = sorted(range(len(runs)), key=lambda i: (runs[i].kind, runs[i].shape[::-1]))
    groups: list[list[int]] = []
    kind, widest, needed = None, (0, 0), 0
    for index in order if fill else range(len(runs)):
        q, k = runs[index].shape
        together = max(widest[0], q), max(widest[1], k)
        allowed = (1 + fill) * (needed + q * k)
        if runs[index].kind == kind and (len(groups[-1]) + 1) * prod(together) <= allowed:
            groups[-1].append(index)
            widest, needed = together, needed + q * k
        else:
            groups.append([index])
            kind, widest, needed = runs[index].kind, (q, k), q * k
    return groups


def _call(runs: Sequence[_Run], causal: bool, device: torch.device | None) -> Call:
    reach = _filled([run.reach for run in runs], 1)
    masked, whole = runs[0].kind
    shape = len(runs), reach.shape[1], max(len(run.keys) for run in runs)
    if whole and causal:
        return Call(*shape, mask=None, causal=True)
    if not masked and reach.min() == shape[2]:
        return Call(*shape, mask=None, causal=False)
    mask = torch.arange(shape[2], device=device) < reach.to(device)[:, :, None]
    if masked:
        for row, run in zip(mask, runs, strict=True):
            assert run.mask is not None
            row[: len(run.queries)] = False
            row[: len(run.queries), : len(run.keys)] = run.mask.to(device)
    return Call(*shape, mask=mask[:, None], causal=False)


def _selection(parts: Sequence[Tensor], length: int, device: torch.device | None) -> Tensor | None:
    """Positions, given in parts; None if they are all of a row, in order."""
    positions = torch.cat(list(parts))
    return None if positions.equal(torch.arange(length)) else positions.to(device)


def _select(tokens: Tensor, positions: Tensor | None) -> Tensor:
    return tokens if positions is None else tokens.index_select(0, positions)


def _filled(rows: Sequence[Tensor], value: int = 0) -> Tensor:
    return nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=value)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    pattern: Pattern | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attention of transformers' interface: by a pattern in a packed row, else its own SDPA.

    query: (1, heads, length, d); key and value: (1, key heads, length, d)
    Returns (1, length, heads, d), 0 where the pattern asks for nothing.
    """
    if pattern is None:
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
    repeats = query.shape[1] // key.shape[1]
    dtype = query.dtype
    # The backward pass of bfloat16 takes 6 times as long there.
    if slow := query.device.type == "cpu" and dtype == torch.bfloat16:
        query, key, value = query.float(), key.float(), value.float()
    outputs = []
    queries = [(call.runs, call.queries) for call in pattern.calls]
    keys = [(call.runs, call.keys) for call in pattern.calls]
    for call, q, k, v in zip(
        pattern.calls,
        _runs_of(query, pattern.queries, queries),
        _runs_of(key, pattern.keys, keys),
        _runs_of(value, pattern.keys, keys),
        strict=True,
    ):
        with torch.autocast("cpu", enabled=False) if slow else nullcontext():
            output = F.scaled_dot_product_attention(
                q,
                repeat_kv(k, repeats),
                repeat_kv(v, repeats),
                attn_mask=call.mask,
                dropout_p=dropout,
                is_causal=call.causal,
                scale=scaling,
            )
        outputs.append(output.transpose(1, 2).flatten(0, 1))
    found = _select(torch.cat(outputs), pattern.order).to(dtype)
    if pattern.at is not None:
        found = found.new_zeros(pattern.length, *found.shape[1:]).index_copy(0, pattern.at, found)
    return found[None], None


def _runs_of(states: Tensor, at: Tensor | None, shapes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """States (1, heads, length, d) at some positions, as one (n, heads, k, d) for each shape."""
    taken = _select(states[0].transpose(0, 1), at)
    parts = taken.split([n * k for n, k in shapes])
    return [
        part.unflatten(0, shape).transpose(1, 2) for part, shape in zip(parts, shapes, strict=True)
    ]


def _mask(*args: Any, attention_mask: Tensor | None = None, **kwargs: Any) -> Tensor | None:
    """No mask for a packed row (its pattern says it all), transformers' own for a padded one."""
    if attention_mask is None:
        return None
    return sdpa_mask(*args, **kwargs, attention_mask=attention_mask)  # type: ignore[misc]


AttentionInterface.register(ATTENTION, attend)
AttentionMaskInterface.register(ATTENTION, _mask)
