"""A method that finds some of its settings by itself, by a rule from the data and by validation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

from pydantic import model_validator

from fullrank.errors import SettingError
from fullrank.methods.base import PairMethod
from fullrank.methods.space import Span
from fullrank.training.search import Rung, rungs

AUTO = "auto"
"""What stands for a value that is to be found: by a rule from the data, or by the validation part.
"""
FIRST_STEP = 0.05
"""How far a first update moves a row, in lengths of the row, for the learning rate by rule."""
FASTER = 16.0
"""By how much the learning rate is higher in a search, where validation weighs rows' lengths."""
RATES = Span(0.5, 64.0, log=True)
"""Times the learning rate by rule that tuning tries."""
OF_A_RUN = ("lr", "item_power")
"""What is found without trials: by the rule, and by the validation checks of a run."""


def slope_of(shrink: float) -> float:
    """How long gradients are against those of unit rows: a pair's score has shrink² as a factor."""
    return shrink**2 or 1.0


class Counted(Protocol):
    """A table of which the sizes are enough."""

    @property
    def n_users(self) -> int: ...  # noqa: D102
    @property
    def n_items(self) -> int: ...  # noqa: D102


class SearchedMethod(PairMethod):
    """A method whose best settings differ so much by data set that `fit` looks for them.

    What `tried` names, and the learning rate, is to be found where no value is given: `fit` trains
    trials with those values a little and the better ones on, compared on the validation part (see
    `fullrank.training.search`).
    """

    tried: ClassVar[Mapping[str, tuple[float, ...]]]
    """Values that a search tries, of each setting that it can find, likeliest first."""

    rescaled: ClassVar[tuple[float, ...]] = ()
    """Values of shrink that a search tries beside none, where it looks for α and the rate, too."""

    auto: tuple[str, ...] = ()
    """Settings that `fit` finds by itself, by default those of lr, alpha and tau that are not
    given, and beside those item_power and (where lr and alpha are to be found) shrink;
    ``alpha = "auto"`` names one too. Their values are what holds where nothing is found: without a
    validation part."""

    @model_validator(mode="before")
    @classmethod
    def _find_what_is_not_given(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        beside = [*(["shrink"] if cls.rescaled else []), "item_power"]
        known = ("lr", *cls.tried, *beside)
        named = [name for name in known if values.get(name) == AUTO]
        given = {name: value for name, value in values.items() if name not in named}
        if "auto" in given:
            listed = isinstance(given["auto"], list | tuple | set | frozenset)
            if not listed or not all(isinstance(name, str) for name in given["auto"]):
                return values  # which the type of the field refuses
            named += [name for name in given["auto"] if name not in named]
        else:
            named += [name for name in known if name not in (*values, *beside)]
            free = [name for name in beside if name not in values and named]
            named += [name for name in free if name != "shrink" or {"lr", "alpha"} <= set(named)]
        unknown = sorted(set(named) - set(known))
        if unknown:
            raise ValueError(f"names among {', '.join(known)}")
        return given | {"auto": tuple(name for name in known if name in named)}

    def replace(self, **values: Any) -> Self:
        """The same settings with some values changed; what gets one is no longer to be found."""
        auto = tuple(name for name in self.auto if name not in values)
        return super().replace(**{"auto": auto} | values)

    def following(self, data: Counted) -> Self:
        """The learning rate, if it is to be found, that moves rows by `FIRST_STEP` at first."""
        if not self._by_rule:
            return self
        return self.replace(lr=self.rate(data), auto=self.auto)

    @property
    def has_rate(self) -> bool:
        """Whether `rate` is for these settings: free rows that their gradients move."""
        return self.optimizer == "sgd" and self.encoder == "mf"

    def rate(self, data: Counted) -> float:
        """``lr = 2 B · FIRST_STEP · ‖x₀‖²``, rounded to two digits.

        A row x in a batch of B moves by about ``lr / 2B`` over its own length, for the log loss of
        unit rows has gradients of about ½ and x is scaled to unit length before. Rows begin uniform
        within ±√(6 / (n + d)), so that ‖x₀‖² is 2d / (n + d) on average; n of both sides is taken.
        After that the lengths of rows grow and the steps fall as 1 / √t by themselves.
        """
        rows = (data.n_users + data.n_items) / 2
        square = 2 * self.dim / (rows + (self.init_dim or self.dim))
        return float(f"{2 * self.batch_size * FIRST_STEP * square / self.slope:.2g}")

    @property
    def slope(self) -> float:
        """How long gradients are, against those of the log loss of unit rows."""
        return 1.0

    def candidates(self) -> list[dict[str, Any]]:
        """The values of the first setting that is to be found, with the likeliest of the others.

        None without an epoch to tell them apart by.
        """
        names = self._open
        if not names or not self.epochs:
            return []
        others = {name: self.tried[name][0] for name in names[1:]}
        others["lr"] = self.lr * (FASTER if self._by_rule else 1.0)
        return self._possible([{names[0]: value} | others for value in self.tried[names[0]]])

    def proposals(self, rung: int, ranked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Further trials: of the other settings, and between neighbours."""
        names, best = self._open, ranked[0]
        more: list[dict[str, Any]] = []
        if rung == 0:
            more = [
                {**values, name: value}
                for values, span in zip(ranked[:2], (None, 2), strict=False)
                for name in names[1:]
                for value in self.tried[name][:span]
            ]
            more += [self._rescaled(values, s) for values in ranked[:2] for s in self._scales]
        elif rung == 1:
            between = _between(best[names[0]], self.tried[names[0]])
            more = [{**best, names[0]: value} for value in between]
            if "shrink" in best:  # the other values have been tried without it
                more += [{**best, name: value} for name in names[1:] for value in self.tried[name]]
            else:  # nor with what is best now
                more += [self._rescaled(best, s) for s in self._scales]
        elif rung == 2 and best[names[0]] not in self.tried[names[0]]:
            # Halfway to the next value is better than the value itself: the next one may be, too.
            more = [
                {**best, names[0]: value} for value in _next(best[names[0]], self.tried[names[0]])
            ]
        return self._possible(more)

    def rungs(self) -> tuple[Rung, ...]:
        """The rungs of a search, with a place for each value of shrink.

        A trial with shrink differs little from the same one without it, so that the two would
        otherwise take the places of trials with another α or τ.
        """
        return rungs(self.epochs, more=len(self._scales))

    @property
    def _scales(self) -> tuple[float, ...]:
        """The values of shrink that are tried; none where the rate could not follow them."""
        return self.rescaled if "shrink" in self.auto and self._by_rule else ()

    def _rescaled(self, values: Mapping[str, Any], shrink: float) -> dict[str, Any]:
        """A trial with that shrink, and the rate that makes its steps as long."""
        rate = values["lr"] * self.slope / slope_of(shrink)
        return {**values, "shrink": shrink, "lr": float(f"{rate:.2g}")}

    def _possible(self, trials: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that fit the settings that were given."""
        fitting = []
        for values in trials:
            try:
                self.replace(**values)
            except SettingError:
                continue
            fitting.append(values)
        return fitting

    @property
    def _by_rule(self) -> bool:
        """Whether the learning rate is to follow the rule, and can."""
        return "lr" in self.auto and self.has_rate

    @property
    def _open(self) -> list[str]:
        """The settings whose values are tried."""
        return [name for name in self.tried if name in self.auto]

    def settled(self) -> Self:
        """With the values that α, τ and shrink have: what a single run finds it finds still."""
        return self.replace(auto=tuple(name for name in self.auto if name in OF_A_RUN))

    def found(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What was searched, and what a rule or the defaults gave."""
        return {name: values.get(name, getattr(self, name)) for name in self.auto}


def _between(value: float, known: Sequence[float]) -> list[float]:
    """Halfway, as a ratio, to the next known value below and above.

    >>> _between(0.6, (0.5, 0.6, 0.8))
    [0.55, 0.69]
    """
    return [float(f"{math.sqrt(value * each):.2g}") for each in _next(value, known)]


def _next(value: float, known: Sequence[float]) -> list[float]:
    """The next known values below and above.

    >>> _next(0.7, (0.5, 0.6, 0.8))
    [0.6, 0.8]
    """
    below = sorted(each for each in known if each < value)[-1:]
    return below + sorted(each for each in known if each > value)[:1]
