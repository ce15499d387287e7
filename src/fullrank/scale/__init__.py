"""Beyond one process: tables in blocks over workers, data in blocks on disk, lists by many."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fullrank.scale.fitting import fit as fit
    from fullrank.scale.fitting import refit as refit

__all__ = ["fit", "refit"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fullrank.scale import fitting

    return getattr(fitting, name)
