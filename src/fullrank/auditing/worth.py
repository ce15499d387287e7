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

    def sentences(self) -> list[str]:
        """What the ranks say."""
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
        return {"metric": self.metric, "values": self.values, "ranked": orders, "cost": self.cost}


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
                scorer, _ = fit(build_method(method, settings), split.train, None, "cpu")
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
