"""The last layer of a trunk, computed where a score is read.

A reward model reads one position of each text. What the feed-forward part of the last layer, most
of that layer's work, gives at the others reaches no score, so it is left out there.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from types import MethodType

from torch import Tensor, nn

positions_read: ContextVar[Tensor | None] = ContextVar("positions_read", default=None)
"""Positions (n,), distinct, in the flattened (b * length), that are read; None is all of them.

Attention sets it, of which every layer has some before its feed-forward part, from a keyword of the
layer. So a layer whose activations are not kept finds its own positions when it is called again in
the backward pass, and threads may score with one model.
"""


def blocks_of(trunk: nn.Module) -> nn.ModuleList:
    """The layers of a transformer, lowest first."""
    return max((m for m in trunk.modules() if isinstance(m, nn.ModuleList)), key=len)


def compute_where_read(layer: nn.Module) -> Callable[[], None]:
    """Leave out the feed-forward part of a layer but at `positions_read`.

    Returns what undoes this.
    Raises AttributeError if the layer has no feed-forward part of a name that transformers uses.
    """
    # Methods bound to the module, so that a deep copy of the model has its own.
    if hasattr(layer, "feed_forward_chunk"):
        owner, name, part = layer, "feed_forward_chunk", MethodType(_chunk, layer)
    else:
        owner, name = layer.get_submodule("mlp"), "forward"
        part = MethodType(_forward, owner)
    setattr(owner, name, part)
    return lambda: delattr(owner, name)


def _chunk(layer: nn.Module, hidden: Tensor) -> Tensor:
    whole = type(layer).feed_forward_chunk  # type: ignore[attr-defined]
    return _where_read(partial(whole, layer), hidden)


def _forward(mlp: nn.Module, hidden: Tensor) -> Tensor:
    return _where_read(partial(type(mlp).forward, mlp), hidden)


def _where_read(whole: Callable[[Tensor], Tensor], hidden: Tensor) -> Tensor:
    read = positions_read.get()
    if read is None:
        return whole(hidden)
    positions_read.set(None)
    flat = hidden.flatten(0, 1)
    found = whole(flat[read][None])[0]
    return found.new_zeros(flat.shape).index_copy(0, read, found).view_as(hidden)
