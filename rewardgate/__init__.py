"""A reward-model factory with a promotion gate."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rewardgate.bundle import Promoted, load_promoted

__all__ = ["Promoted", "load_promoted"]


def __getattr__(name: str) -> Any:
    """The loader, imported when it is asked for: torch and transformers take seconds."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rewardgate import bundle

    return getattr(bundle, name)
