"""The portfolio: its methods in the order in which they run, and what is tried of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fullrank.methods import Method, build_method


@dataclass(frozen=True)
class Entry:
    """A method of the portfolio."""

    method: str
    steps: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Values along which each setting moves, ascending; the default is added where it is not among
    them. Nothing is tried but the defaults if empty."""

    def first(self, seed: int) -> Method:
        """The settings that are tried first: the defaults."""
        return build_method(self.method, {"seed": seed})

    def near(self, best: Method, first: Method) -> list[dict[str, Any]]:
        """A step up and a step down from ``best``, along one setting after the other."""
        moves = []
        for name, values in self.steps.items():
            here = getattr(best, name)
            ladder = sorted({*values, getattr(first, name), here})
            at = ladder.index(here)
            moves += [{name: ladder[to]} for to in (at + 1, at - 1) if 0 <= to < len(ladder)]
        return moves


ENTRIES = (
    Entry("popularity"),
    Entry(
        "rp3beta",
        {
            "beta": (0.1, 0.3, 0.5, 0.7),
            "neighbours": (30, 100, 300, 1000),
            "alpha": (0.5, 0.7, 1.0, 1.4),
        },
    ),
    Entry("itemknn", {"neighbours": (20, 50, 100, 200, 400), "shrinkage": (0.0, 10.0, 30.0)}),
    Entry("ease", {"ridge": (30.0, 60.0, 120.0, 250.0, 500.0, 1000.0, 2000.0)}),
    Entry(
        "allpass",
        {"power": (0.0, 0.25, 0.5, 0.75, 1.0), "exponent": (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)},
    ),
    Entry("slim", {"ridge": (30.0, 60.0, 120.0, 250.0, 500.0), "neighbours": (50, 100, 200)}),
    Entry(
        "ials",
        {
            "regularization": (0.05, 0.5, 5.0),
            "confidence": (3.0, 10.0, 30.0),
            "dim": (64, 128, 256),
        },
    ),
    Entry("spectral", {"beta": (0.2, 0.3, 0.4, 0.5), "smoothing": (0.1, 0.3, 1.0, 3.0)}),
    Entry("directspec+"),
)
"""By expected gain for each second: sparse products, then dense ones, then what is trained."""
