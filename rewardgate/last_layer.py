"""The last layer of a trunk, computed where a score is read.

A reward model reads one position of each text. What the feed-forward part of the last layer, most
of that layer's work, gives at the others reaches no score, so it is left out there.
"""

from collections.abc import Callable
from contextvars import ContextVar

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
    owner, name = (
        (layer, "feed_forward_chunk")
        if hasattr(layer, "feed_forward_chunk")
        else (layer.get_submodule("mlp"), "forward")
    )
    whole: Callable[[Tensor], Tensor] = getattr(owner, name)

    def part(hidden: Tensor) -> Tensor:
        read = positions_read.get()
        if read is None:
            return whole(hidden)
        positions_read.set(None)
        flat = hidden.flatten(0, 1)
        found = whole(flat[read][None])[0]
        return found.new_zeros(flat.shape).index_copy(0, read, found).view_as(hidden)

    setattr(owner, name, part)
    return lambda: delattr(owner, name)
