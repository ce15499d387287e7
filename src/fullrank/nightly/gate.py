"""Whether a new model may take the place of the one that is served.

Both are asked for the held-out interactions of the new one that the old one has not learned from:
on the others an old model that was fitted on everything would only remember. What either of them
has learned from is in no list: else the old one, whose first ranks hold what it remembers, would
lose to a new one of the same worth. Where these interactions are few, the figures that each had on
its own held-out part are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.data.joining import joined, over_ids
from fullrank.errors import FitError, SettingError
from fullrank.evaluation.evaluate import evaluate
from fullrank.evaluation.intervals import intervals
from fullrank.recommender import Recommender
from fullrank.serving.cold import Trained

METRIC, K = "ndcg", 20
FEWEST = 100
"""Users below which a comparison on the same interactions says too little."""


@dataclass(frozen=True)
class Judgement:
    """What came of the comparison.

    Args:
        passed: Whether the new model may be served.
        new: Its ndcg@20.
        old: That of the old one; None where it has none.
        between: 95 % interval of the difference, over users; None if each has its own.
        users: Who were asked.
        pairs: Held-out interactions that the old model had not learned from.
        tolerance: By what share the new one may be worse.
    """

    passed: bool
    new: float | None
    old: float | None
    between: tuple[float, float] | None
    users: int
    pairs: int
    tolerance: float

    def __str__(self) -> str:
        if self.new is None or self.old is None:
            return f"no {METRIC}@{K} of the old model to compare with, so the new one is taken"
        change = f"{self.new / self.old - 1:+.1%}" if self.old else "from 0"
        if self.between is None:
            on = "each on its own held-out part"
        else:
            low, high = self.between
            on = (
                f"difference {low:+.4f} to {high:+.4f} over {self.users:,} users with "
                f"{self.pairs:,} interactions that the old model had not seen"
            )
        said = "taken" if self.passed else f"worse by more than {self.tolerance:.1%}, not taken"
        if self.by_chance:
            said += f" (chance may do that: two as good differ by up to {self.noise:.1%})"
        return f"{METRIC}@{K} {self.new:.4f} after {self.old:.4f} ({change}), {on}: {said}"

    @property
    def noise(self) -> float | None:
        """By what share of the old figure two models of one worth may differ, 19 times in 20.

        A tolerance below that rejects such a new model by luck; with none, every second time.
        """
        if self.between is None or not self.old:
            return None
        low, high = self.between
        return (high - low) / 2 / self.old

    @property
    def by_chance(self) -> bool:
        """Whether the new one was rejected, and may be no worse than the tolerance all the same."""
        if self.passed or self.noise is None or self.between is None or self.old is None:
            return False
        return self.between[1] >= -self.tolerance * self.old

    def to_dict(self) -> dict[str, Any]:
        """For the manifest and for JSON."""
        return {
            "passed": self.passed,
            "metric": f"{METRIC}@{K}",
            "new": self.new,
            "old": self.old,
            "difference": None if self.between is None else list(self.between),
            "users": self.users,
            "interactions": self.pairs,
            "tolerance": self.tolerance,
            "noise": self.noise,
            "by_chance": self.by_chance,
        }


@dataclass(frozen=True)
class Gate:
    """Lets a new model pass unless it is worse than an old one.

    Args:
        old: The model that is served.
        tolerance: By what share of the old model's figure the new one may be worse.
    """

    old: Recommender
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 1:
            raise SettingError("tolerance", f"{self.tolerance:g}", "a share of 0 or more, below 1")

    def judge(self, new: Recommender) -> Judgement:
        """Compares both on what the old one has not seen, for users whom training has seen.

        A user or an item that the old model does not know gets from it what it would give: the
        popular list, and no place.

        Raises:
            FitError: the new model has no held-out part.
        """
        test = new.test
        if test is None or not len(test):
            raise FitError("gate", "no held-out part", "--holdout, so that there is a comparison")
        learned = _learned(self.old, test)
        unseen = test.select(~_within(test, learned))
        asked = np.flatnonzero((unseen.user_degree > 0) & (new.train.user_degree > 0))
        k = min(K, new.train.n_items)
        if len(asked) < FEWEST:
            return self._by_record(new, k)
        masked = learned if new.validation is None else joined(learned, new.validation)
        how: dict[str, Any] = {"train": new.train, "validation": masked, "users": asked}
        how |= {"k": (k,), "metrics": (METRIC,)}
        ours = evaluate(new.scorer, unseen, **how)
        theirs = evaluate(_Translated(self.old, new.train), unseen, **how)
        name = next(iter(ours))
        gains = ours.per_user(name) - theirs.per_user(name)
        return Judgement(
            passed=self._passes(ours[name], theirs[name]),
            new=ours[name],
            old=theirs[name],
            between=intervals({"gain": gains})["gain"],
            users=len(ours.users),
            pairs=len(unseen),
            tolerance=self.tolerance,
        )

    def _by_record(self, new: Recommender, k: int) -> Judgement:
        """Compares what each had on its own held-out part."""
        ours = new.evaluate(k=(k,), metrics=(METRIC,))[f"{METRIC}@{k}"]
        theirs = (self.old.metrics.get("metrics") or {}).get(f"{METRIC}@{k}")
        passed = theirs is None or self._passes(ours, theirs)
        return Judgement(passed, ours, theirs, None, 0, 0, self.tolerance)

    def _passes(self, new: float, old: float) -> bool:
        return new >= old * (1 - self.tolerance)


def _learned(old: Recommender, data: Interactions) -> Interactions:
    """The pairs that the old model has learned from, or been chosen by, in the rows of new data."""
    parts = [part for part in (old.train, old.validation) if part is not None]
    return joined(*(over_ids(part, data.users, data.items) for part in parts))


def _within(test: Interactions, part: Interactions) -> NDArray[np.bool_]:
    """(nnz,) which test pairs are in a part of the same users and items."""
    pairs, had = (
        each.user_idx.astype(np.int64) * test.n_items + each.item_idx for each in (test, part)
    )
    return np.isin(pairs, had)


class _Translated:
    """An old model in the row numbers of new data."""

    def __init__(self, old: Recommender, data: Interactions) -> None:
        self.old = old
        self.n_items = data.n_items
        self.trained = Trained.of(old.train)
        users = old.users.rows(data.users.values)
        self.users = torch.from_numpy(np.where(self.trained.cold(users), -1, users))
        self.items = torch.from_numpy(old.items.rows(data.items.values))
        popular = torch.from_numpy(np.asarray(self.trained.popularity, dtype=np.float32))
        self.popular = self._placed(popular[None])[0]

    def _placed(self, scores: Tensor) -> Tensor:
        """(b, n_items) of new data; an item that was not trained has no place."""
        known = self.items >= 0
        found = scores[:, self.items.clamp(min=0)]
        trained = torch.from_numpy(self.trained.items)[self.items.clamp(min=0)]
        return found.masked_fill(~(known & trained), -float("inf"))

    def scores(self, users: Tensor) -> Tensor:
        """(b, n_items) float32."""
        rows = self.users[users]
        out = self.popular.repeat(len(rows), 1)
        known = rows >= 0
        if known.any():
            scores = self.old.scorer.scores(rows[known].to(users.device)).cpu()
            out[known] = self._placed(scores)
        return out
