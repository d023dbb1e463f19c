"""The last layer of a trunk, computed where a score is read.

A reward model reads one position of each text. At the others the last layer is asked for keys and
values alone: its queries, what follows its attention and its feed-forward part reach no score
there, and are left out.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from types import MethodType
from typing import Any

from torch import Tensor, nn

from rewardgate.packed_attention import Pattern

ATTENTION = ("self_attn", "attention", "attn")
ATTENTION_PARTS = ("q_proj", "query", "o_proj", "out_proj", "c_proj", "dense")
"""Names that transformers gives the attention of a layer, and what in it makes no key or value."""

_read: ContextVar[Tensor | None] = ContextVar("read", default=None)
"""Positions (n,), distinct, in the flattened (b * length), that are read; None is all of them.

The attention, which every layer has before its feed-forward part, sets it. So a layer whose
activations are not kept finds its own positions when it is called again in the backward pass, and
threads may score with one model.
"""


def blocks_of(trunk: nn.Module) -> nn.ModuleList:
    """The layers of a transformer, lowest first."""
    return max((m for m in trunk.modules() if isinstance(m, nn.ModuleList)), key=len)


def compute_where_read(layer: nn.Module) -> Callable[[], None]:
    """Have a layer compute only the tokens that the pattern in its keyword `read` asks for.

    The others leave the layer as they came, or normalised. Returns what undoes this.
    Raises AttributeError if the layer has no parts of the names that transformers uses.
    """
    attention = next((m for name, m in layer.named_children() if name in ATTENTION), None)
    if attention is None:
        raise AttributeError(f"{type(layer).__name__} has no attention of a name that is known")
    changed: list[tuple[nn.Module, str, Callable[..., Any]]] = [(attention, "forward", _attention)]
    for name, part in attention.named_modules():
        if name.rpartition(".")[2] in ATTENTION_PARTS:
            changed.append((part, "forward", _forward))
    if hasattr(layer, "feed_forward_chunk"):
        changed.append((layer, "feed_forward_chunk", _chunk))
    else:
        changed.append((layer.get_submodule("mlp"), "forward", _forward))
    # Methods bound to the module, so that a deep copy of the model has its own.
    for module, name, method in changed:
        setattr(module, name, MethodType(method, module))

    def undo() -> None:
        for module, name, _ in changed:
            delattr(module, name)

    return undo


def _attention(attention: nn.Module, *args: Any, read: Pattern | None = None, **kwargs: Any) -> Any:
    _read.set(None if read is None else read.at)
    if read is not None:
        kwargs["pattern"] = read
    return type(attention).forward(attention, *args, **kwargs)


def _forward(module: nn.Module, hidden: Tensor) -> Tensor:
    return _where_read(partial(type(module).forward, module), hidden)


def _chunk(layer: nn.Module, hidden: Tensor) -> Tensor:
    whole = type(layer).feed_forward_chunk  # type: ignore[attr-defined]
    return _where_read(partial(whole, layer), hidden)


def _where_read(whole: Callable[[Tensor], Tensor], hidden: Tensor) -> Tensor:
    at = _read.get()
    if at is None:
        return whole(hidden)
    flat = hidden.flatten(0, 1)
    found = whole(flat[at][None])[0]
    return found.new_zeros(len(flat), *found.shape[1:]).index_copy(0, at, found)[None]
