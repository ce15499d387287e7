"""A blend of the best parts: weights by greedy selection, kept where it wins by more than noise."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.data.memory import available_memory
from fullrank.evaluation import evaluate
from fullrank.evaluation.intervals import intervals
from fullrank.methods import Method, build_method
from fullrank.methods.base import Family
from fullrank.methods.fitting import Fitted
from fullrank.methods.fitting import fit as fit_method
from fullrank.portfolio.board import Part, ndcg
from fullrank.serving.blend_scorer import BlendPart, BlendScorer, standardised
from fullrank.serving.fold_in import FoldIn

STEPS = (0.3, 1.0)
"""Weights that a further part is tried with, of a first part that has 1."""
PARTS = 4
"""The most of a blend."""
CANDIDATES = 6
"""The best methods, of which parts are taken."""
USERS = 2000
"""Users of the validation part by which weights are chosen, at most."""

FEWEST = 20
"""Users of a half, at least."""
DIVISIONS = 4
"""Of the users into halves, where their scores are few: weights that one half chose are noisy."""
FEW = 20_000_000
"""Scores of a part up to which there are so many; above there is one division."""
BLOCK = 256
"""Users whose scores are standardised at a time."""
ROUNDS = 2 * (PARTS - 1) * len(STEPS) * (CANDIDATES - 1)
"""Evaluations of a half, about, by which the time is reckoned."""

Weights = dict[int, float]
"""Number of a part to its weight; they sum to 1."""


class Blend(Method):
    """Weighted z-scores of the scores of several methods, fitted one by one.

    Not in the table of methods: `Auto` makes it.
    """

    name = "blend"
    summary = "weighted z-scores of the scores of several methods"
    source = "greedy selection: Caruana et al., ICML 2004"
    family: ClassVar[Family] = "closed form"

    parts: tuple[dict[str, Any], ...] = Field(min_length=2)
    """Of each part ``method``, ``settings`` and ``weight``."""

    @field_validator("parts", mode="before")
    @classmethod
    def _from_json(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @property
    def uses_weights(self) -> bool:
        """Whether a part does."""
        return any(method.uses_weights for method in self.methods)

    @property
    def methods(self) -> list[Method]:
        """The parts' methods with their settings."""
        return [build_method(part["method"], part["settings"]) for part in self.parts]

    def fit(self, parts: Mapping[str, Interactions], device: str) -> Fitted:
        """Fits every part."""
        fitted = [fit_method(method, parts, device) for method in self.methods]
        return self.of(fitted, parts["train"])

    def of(self, fitted: Sequence[Fitted], train: Interactions) -> Fitted:
        """The blend of parts that are fitted."""
        weights = [part["weight"] for part in self.parts]
        made = [
            BlendPart(
                scorer,  # type: ignore[arg-type]  # what a method fits, a folder can hold
                FoldIn(weighted=method.uses_weights and train.weight is not None),
            )
            for method, (scorer, _) in zip(self.methods, fitted, strict=True)
        ]
        scorer = BlendScorer(train, made, weights)
        seconds = {
            name: sum(metadata[name] for _, metadata in fitted)
            for name in ("seconds", "seconds_with_validation")
        }
        engine = {"name": "blend", "passed_over": {}}
        known = ("epochs", "best_epoch", "chosen")
        listed = [{key: said[key] for key in known if key in said} for _, said in fitted]
        facts = {"engine": engine, **seconds, "history": [], "parameters": scorer.n_weights}
        return scorer, facts | {"parts": listed}


class Blended(NamedTuple):
    """A blend, and how much better than the best part it is."""

    part: Part
    gain: float
    """Mean gain in ndcg of users by whom its weights were not chosen."""
    at_least: float
    """What that mean is above with 95 % certainty: whether it loses is not asked, only if it wins,
    so that this is the lower end of a 90 % interval."""

    @property
    def wins(self) -> bool:
        """Whether by more than noise."""
        return self.at_least > 0


def blend(
    parts: Sequence[Part],
    data: Mapping[str, Interactions],
    seed: int,
    *,
    left: Callable[[], float] = lambda: float("inf"),
    free: Callable[[], int | None] = available_memory,
) -> Blended | str:
    """The blend of some of ``parts``, best first; or why there is none.

    Users of the validation part are divided into halves. Weights chosen by one are checked on the
    other, both ways, so that each user's gain is by weights that know nothing of the user. Where
    users are few this is done for several divisions, and a user's gain is the mean of them. The
    blend has the mean of all weightings, of the parts that weigh most in it; users that no weights
    were chosen by, where there are more than `USERS`, say what it gains for them.
    """
    parts = list(parts)[:CANDIDATES]
    if len(parts) < 2:
        return "no second part near the best"
    users = _drawn(parts[0].evaluation.users, seed)
    room = free()
    if room is not None:  # of scores, half of what is free
        users = users[: room // 2 // (4 * data["train"].n_items * (len(parts) + 2))]
    if len(users) < 2 * FEWEST:
        return f"{len(users)} users to choose weights by, and {2 * FEWEST} are needed"
    held = Held.of(parts, users, data)
    orders = _orders(users, data["train"].n_items, seed)
    began = time.perf_counter()
    alone = held.ndcg({0: 1.0}, users)
    if (time.perf_counter() - began) * ROUNDS * len(orders) / 2 > left():
        return "no time left"
    gains, weights = _checked(held, orders, alone)
    if len(weights) < 2:
        return f"no part that helps {parts[0].method.name}"
    method = Blend(
        parts=tuple(_entry(parts[each], weight) for each, weight in weights.items()), seed=seed
    )
    fitted = method.of([parts[each].fitted for each in weights], data["train"])
    warned = tuple(text for each in weights for text in parts[each].warned)
    compared = np.sort(parts[0].evaluation.users)
    part = Part(method, fitted, _evaluated(fitted[0], data, compared), warned)
    gains = np.concatenate((gains, (part.ndcg - parts[0].ndcg)[~np.isin(compared, users)]))
    at_least, _ = intervals({"gain": gains}, level=0.9)["gain"]
    return Blended(part, float(gains.mean()), at_least)


def _orders(users: NDArray[np.int64], n_items: int, seed: int) -> list[NDArray[np.int64]]:
    """Orders of the users, of which every second one is in one half."""
    further = DIVISIONS - 1 if len(users) * n_items <= FEW else 0
    rng = np.random.default_rng([seed, 1])
    return [users, *(rng.permutation(users) for _ in range(further))]


def _checked(
    held: Held, orders: Sequence[NDArray[np.int64]], alone: NDArray[np.float64]
) -> tuple[NDArray[np.float64], Weights]:
    """(U,) gains over the best part ``alone``, of users ascending; the mean of the weights."""
    gains, chosen = np.zeros(len(alone)), []
    for order in orders:
        halves = [np.sort(order[::2]), np.sort(order[1::2])]
        two = [held.greedy(half) for half in halves]
        for weights, half in zip(two, reversed(halves), strict=True):
            at = np.searchsorted(np.sort(order), half)
            gains[at] += (held.ndcg(weights, half) - alone[at]) / len(orders)
        chosen += two
    return gains, _mean(chosen)


def _mean(chosen: Sequence[Weights]) -> Weights:
    """The mean weights of the parts that weigh most, ascending by part."""
    mean = {each: sum(w.get(each, 0.0) for w in chosen) for each in set().union(*chosen)}
    most = sorted(mean, key=lambda each: -mean[each])[:PARTS]
    total = sum(mean[each] for each in most)
    return {each: mean[each] / total for each in sorted(most)}


def _entry(part: Part, weight: float) -> dict[str, Any]:
    found = part.fitted[1].get("chosen")
    method = part.method.replace(**found, auto=()) if found else part.method
    return {
        "method": method.name,
        "settings": method.model_dump(mode="json"),
        "weight": round(weight, 6),
    }


def _drawn(users: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Up to `USERS` of them in random order."""
    order = np.random.default_rng(seed).permutation(len(users))
    return users[order[:USERS]]


def _evaluated(scorer: Any, data: Mapping[str, Interactions], users: Any = None) -> Any:
    train, validation = data["train"], data["validation"]
    k = min(20, train.n_items)
    return evaluate(scorer, validation, train=train, k=(k,), metrics=("ndcg",), users=users)


class Held:
    """Standardised scores of some users by every part, and figures of their weighted sums.

    Args:
        tables: (P, U, n_items) float32
        users: (U,) their rows.
        data: ``train`` and ``validation``.
    """

    def __init__(
        self, tables: Tensor, users: NDArray[np.int64], data: Mapping[str, Interactions]
    ) -> None:
        self.tables, self.data = tables, data
        self.at = np.full(data["train"].n_users, -1)
        self.at[users] = np.arange(len(users))

    @classmethod
    def of(
        cls, parts: Sequence[Part], users: NDArray[np.int64], data: Mapping[str, Interactions]
    ) -> Held:
        """The scores of parts."""
        tables = torch.empty(len(parts), len(users), data["train"].n_items)
        for table, part in zip(tables, parts, strict=True):
            for start in range(0, len(users), BLOCK):
                rows = torch.from_numpy(users[start : start + BLOCK])
                table[start : start + BLOCK] = standardised(part.fitted[0].scores(rows).cpu())
        return cls(tables, users, data)

    def ndcg(self, weights: Weights, users: NDArray[np.int64]) -> NDArray[np.float64]:
        """(U,) of the blend for each of the users, ascending."""
        return ndcg(_evaluated(_Sum(self, weights), self.data, np.sort(users)))

    def greedy(self, users: NDArray[np.int64]) -> Weights:
        """Part 0, and then whichever part with whichever weight helps these users most."""
        weights: Weights = {0: 1.0}
        value = self.ndcg(weights, users).mean()
        while len(weights) < PARTS:
            tried = [
                weights | {each: step}
                for each in range(len(self.tables))
                if each not in weights
                for step in STEPS
            ]
            values = [self.ndcg(each, users).mean() for each in tried]
            if not tried or max(values) <= value:
                break
            value, weights = max(values), tried[int(np.argmax(values))]
        total = sum(weights.values())
        return {each: weight / total for each, weight in weights.items()}


class _Sum:
    """A scorer of the users whose scores are held."""

    def __init__(self, held: Held, weights: Weights) -> None:
        self.held, self.weights = held, weights

    @property
    def n_items(self) -> int:
        """Columns of the tables."""
        return self.held.tables.shape[2]

    def scores(self, users: Tensor) -> Tensor:
        """The weighted sum."""
        rows = torch.from_numpy(self.held.at[users.numpy()])
        total = torch.zeros(len(rows), self.n_items)
        for each, weight in self.weights.items():
            total += weight * self.held.tables[each][rows]
        return total
