"""What differences between the parts are worth: quick methods ranked on validation and on test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fullrank.data.splits import Split
from fullrank.engine.devices import torch_threads
from fullrank.errors import DataError, FullrankError
from fullrank.evaluation import evaluate
from fullrank.methods import build_method
from fullrank.methods.fitting import fit

QUICK: dict[str, tuple[str, dict[str, Any]]] = {
    "popularity": ("popularity", {}),
    "itemknn": ("itemknn", {}),
    "spectral, beta 0.1": ("spectral", {"rank": 64, "beta": 0.1}),
    "spectral, beta 0.3": ("spectral", {"rank": 64, "beta": 0.3}),
    "spectral, beta 0.5": ("spectral", {"rank": 64, "beta": 0.5}),
}
"""Closed forms that differ in how they weigh popularity: the larger beta, the less."""
K = 20
APART = 1.2
"""Largest over smallest factor from validation to test from which on the parts value methods
differently. Of uniform draws it is near 1: test has more items of each user, for all alike."""


@dataclass(frozen=True)
class Worth:
    """ndcg of quick methods on each part, in the order of `QUICK`."""

    metric: str
    values: dict[str, dict[str, float]]
    """By method and part."""

    def ranked(self, part: str) -> list[str]:
        """Methods by their value on a part, best first."""
        known = [name for name, each in self.values.items() if part in each]
        return sorted(known, key=lambda name: -self.values[name][part])

    @property
    def cost(self) -> float | None:
        """Relative loss on test of the method that is best on validation; None without both."""
        chosen, best = self.ranked("validation")[:1], self.ranked("test")[:1]
        if not chosen or not best or not self.values[best[0]]["test"]:
            return None
        return 1 - self.values[chosen[0]]["test"] / self.values[best[0]]["test"]

    @property
    def factors(self) -> dict[str, float]:
        """Value on test over value on validation, by method, smallest first."""
        both = {
            name: each["test"] / each["validation"]
            for name, each in self.values.items()
            if each.get("validation") and "test" in each
        }
        return dict(sorted(both.items(), key=lambda pair: pair[1]))

    def sentences(self) -> list[str]:
        """What the ranks and the factors say."""
        return [*self._of_ranks(), *self._of_factors()]

    def _of_factors(self) -> list[str]:
        names, factors = list(self.factors), list(self.factors.values())
        if len(names) < 2 or factors[-1] < APART * factors[0]:
            return []
        told = f"{names[0]} by {factors[0]:.2f}, {names[-1]} by {factors[-1]:.2f}"
        return [f"from validation to test {self.metric} changes by factors that differ: {told}."]

    def _of_ranks(self) -> list[str]:
        chosen, best = self.ranked("validation"), self.ranked("test")
        if not chosen or not best or self.cost is None:
            return []
        if chosen == best:
            return ["quick methods stand in the same order on validation and test."]
        if chosen[0] == best[0]:
            return [f"of quick methods {best[0]} is best on both; the order of others differs."]
        told = f"of quick methods {chosen[0]} is best on validation and {best[0]} on test"
        return [f"{told}: choosing on validation costs {self.cost:.1%} of {self.metric}."]

    def to_dict(self) -> dict[str, Any]:
        """Values, orders and cost, for JSON."""
        orders = {part: self.ranked(part) for part in ("validation", "test")}
        return {
            "metric": self.metric,
            "values": self.values,
            "ranked": orders,
            "cost": self.cost,
            "factors": self.factors,
        }


def worth_of(split: Split, threads: int | None = None) -> Worth:
    """Fits each of `QUICK` on train and evaluates it on validation and on test.

    Methods that the data are too small for are left out. Their figures on test are of methods as
    they are, for comparing the parts; nothing is to be chosen by them.
    """
    k = min(K, split.train.n_items)
    values: dict[str, dict[str, float]] = {}
    for label, (method, settings) in QUICK.items():
        try:
            with torch_threads(threads):
                scorer, _ = fit(build_method(method, settings), {"train": split.train}, "cpu")
        except FullrankError:
            continue
        values[label] = {}
        for name in ("validation", "test"):
            part = split.parts.get(name)
            if part is None or not len(part):
                continue
            masked = split.validation if name == "test" else None
            try:
                found = evaluate(
                    scorer, part, train=split.train, validation=masked, k=k, metrics=("ndcg",)
                )
            except DataError:  # no user of the part is in train
                continue
            values[label][name] = found[f"ndcg@{k}"]
    return Worth(f"ndcg@{k}", values)
