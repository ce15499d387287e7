"""Beyond one process: tables in blocks over workers, data in blocks on disk, lists by many."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fullrank.scale.fitting import fit as fit

__all__ = ["fit"]


def __getattr__(name: str) -> Any:
    if name != "fit":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fullrank.scale.fitting import fit

    return fit
