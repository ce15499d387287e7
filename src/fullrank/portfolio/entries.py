"""The portfolio: its methods in the order in which they run, and what is tried of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fullrank.methods import Method, build_method


class Ratio(NamedTuple):
    """A setting that moves by a factor, from the value that the method's own rule found."""

    factor: float


class Found(NamedTuple):
    """A setting that does not move: every trial finds its best value for the others."""


class Move(NamedTuple):
    """One setting changed."""

    name: str
    value: Any
    up: bool
    """Whether the value is larger than it was."""


Steps = Mapping[str, tuple[Any, ...] | Ratio | Found]
STRIDES = (2, 1)
"""Far steps come before near ones."""


@dataclass(frozen=True)
class Entry:
    """A method of the portfolio."""

    method: str
    steps: Steps = field(default_factory=dict)
    """Values along which each setting moves; the default is added where it is not among them.
    Nothing is tried but the defaults if empty."""
    starts: tuple[Mapping[str, Any], ...] = ({},)
    """Settings that are tried in the first round, over the defaults."""

    def first(self, seed: int) -> list[Method]:
        """The settings that are tried in the first round."""
        return [build_method(self.method, {"seed": seed, **start}) for start in self.starts]

    def values(self, method: Method, found: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the settings that move; what a rule ``found`` where they are absent."""
        values = {name: getattr(method, name) for name in self.steps}
        return {
            name: rounded(found[name]) if value is None and name in found else value
            for name, value in values.items()
        }

    def moving(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Of such values, those by which trials differ."""
        return {name: at for name, at in values.items() if not isinstance(self.steps[name], Found)}

    def near(self, best: Method, found: Mapping[str, Any]) -> list[Move]:
        """Steps down and up from ``best``, along one setting after the other."""
        here = self.values(best, found)
        return [
            Move(name, value, value > here[name])
            for stride in STRIDES
            for name in self.steps
            if here[name] is not None
            for value in self._moved(name, best, here[name], stride)
        ]

    def _moved(self, name: str, best: Method, here: Any, stride: int) -> list[Any]:
        steps, default = self.steps[name], type(best).model_fields[name].default
        if isinstance(steps, Found):
            return []
        if isinstance(steps, Ratio):
            return [rounded(type(here)(here * steps.factor**each)) for each in (-stride, stride)]
        ladder = sorted({*steps, here} | (set() if default is None else {default}))
        at = ladder.index(here)
        return [ladder[to] for to in (at - stride, at + stride) if 0 <= to < len(ladder)]


def rounded(value: Any) -> Any:
    """To two digits, if it is no whole number.

    >>> rounded(0.01234), rounded(123)
    (0.012, 123)
    """
    return float(f"{value:.2g}") if isinstance(value, float) else value


ENTRIES = (
    Entry("popularity"),
    Entry(
        "rp3beta",
        {
            "beta": (0.1, 0.3, 0.5, 0.7),
            "alpha": (0.5, 0.7, 1.0, 1.4),
            "neighbours": (30, 100, 300, 1000),
        },
    ),
    Entry("turbo-cf", {"popularity": Found(), "alpha": (0.4, 0.5, 0.7), "power": (0.5, 1.0)}),
    Entry(
        "itemknn",
        {
            "popularity": Found(),
            "neighbours": (20, 50, 100, 200, 400),
            "shrinkage": (0.0, 10.0, 30.0),
        },
    ),
    Entry(
        "allpass",
        {
            "popularity": Found(),
            "power": (0.0, 0.25, 0.5, 0.75, 1.0),
            "weight": Ratio(2.0),
            "exponent": (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
            "rank": Ratio(1.5),
        },
    ),
    Entry(
        "spectral",
        {"popularity": Found(), "smoothing": (0.1, 0.3, 1.0, 3.0), "beta": (0.2, 0.3, 0.4, 0.5)},
    ),
    Entry(
        "chebycf",
        {
            "popularity": Found(),
            "beta": (0.0, 0.1, 0.2, 0.3, 0.5),
            "flatness": (0.7, 1.5, 4.0, 10.0, 20.0),
            "alpha": (0.0, 0.05, 0.1, 0.4, 1.0),
            "rank": Ratio(2.0),
        },
    ),
    Entry(
        "bspm",
        {
            "popularity": Found(),
            "sharpening": (0.3, 0.6, 1.2, 2.5, 4.0),
            "alpha": (0.03, 0.1, 0.4, 1.0),
            "rank": Ratio(2.0),
            "merge": ("early", "late"),
        },
    ),
    Entry(
        "gf-cf",
        {"popularity": Found(), "alpha": (0.03, 0.1, 0.3, 1.0, 3.0), "rank": Ratio(2.0)},
    ),
    Entry(
        "sgfcf",
        {
            "popularity": Found(),
            "epsilon": (0.2, 0.27, 0.4, 0.5),
            "gamma": (0.03, 0.1, 0.3, 3.0),
            "rank": Ratio(2.0),
        },
    ),
    Entry(
        "slim",
        {"popularity": Found(), "ridge": Ratio(1.6), "neighbours": (50, 100, 200)},
    ),
    Entry(
        "ials",
        {
            "popularity": Found(),
            "dim": (32, 64, 128, 256, 512),
            "confidence": Ratio(2.5),
            "regularization": Ratio(1.6),
            "exponent": (0.0, 0.5, 1.0),
        },
    ),
    Entry("ease", {"popularity": Found(), "ridge": Ratio(1.6)}),
    Entry("directspec+"),
)
"""By expected gain for each second: sparse products, factorisations, EASE, what is trained."""
