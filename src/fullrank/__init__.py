"""Recommenders that use every dimension.

The names below are loaded when they are first used, so that ``import fullrank`` and the command
line's help cost next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fullrank import data, evaluation, methods, spectrum
    from fullrank.auditing import audit
    from fullrank.data import Columns, Ids, Interactions, Split, generate, k_core, load, read
    from fullrank.errors import DataError, FitError, FullrankError, NotFittedError, SettingError
    from fullrank.methods import METHODS
    from fullrank.recommender import Recommender
    from fullrank.rules import Rules

_HOME = {
    "Columns": "fullrank.data",
    "DataError": "fullrank.errors",
    "FitError": "fullrank.errors",
    "FullrankError": "fullrank.errors",
    "Ids": "fullrank.data",
    "Interactions": "fullrank.data",
    "METHODS": "fullrank.methods",
    "NotFittedError": "fullrank.errors",
    "Recommender": "fullrank.recommender",
    "Rules": "fullrank.rules",
    "SettingError": "fullrank.errors",
    "Split": "fullrank.data",
    "audit": "fullrank.auditing",
    "generate": "fullrank.data",
    "k_core": "fullrank.data",
    "load": "fullrank.data",
    "read": "fullrank.data",
}
_ROOMS = ("data", "evaluation", "methods", "spectrum")

__all__ = [
    "METHODS",
    "Columns",
    "DataError",
    "FitError",
    "FullrankError",
    "Ids",
    "Interactions",
    "NotFittedError",
    "Recommender",
    "Rules",
    "SettingError",
    "Split",
    "audit",
    "data",
    "evaluation",
    "generate",
    "k_core",
    "load",
    "methods",
    "read",
    "spectrum",
]


if not TYPE_CHECKING:  # a type checker that sees this function takes every name for one of ours

    def __getattr__(name: str) -> Any:
        if name in _ROOMS:
            return importlib.import_module(f"fullrank.{name}")
        if name in _HOME:
            return getattr(importlib.import_module(_HOME[name]), name)
        raise AttributeError(f"module 'fullrank' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
