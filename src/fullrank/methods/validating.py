"""What a trained method ranks with, and how well it does on the validation part."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.encoders import Encoder, Pair
from fullrank.errors import FitError
from fullrank.evaluation import evaluate
from fullrank.methods.base import TrainedMethod
from fullrank.serving import DotScorer
from fullrank.spectrum import unit_rows
from fullrank.spectrum.rows import to_power

S = TypeVar("S")

STEP, MOST = 0.25, 4.0
"""Between two powers of the items' lengths that are tried, and the highest of them."""
SAMPLE = 2_000
"""Most users by whom a power is chosen."""


def finds_power(method: TrainedMethod) -> bool:
    """Whether the power of the items' lengths is to be found."""
    return "item_power" in getattr(method, "auto", ())


def ranked_tables(
    method: TrainedMethod,
    tables: Pair,
    power: float | None = None,
    length: Callable[[Tensor], float] | None = None,
) -> Pair:
    """The rows whose products rank, of an encoder's tables.

    Args:
        method: Ranks by cosines, or by lengths too.
        tables: Users' and items' rows.
        power: Of the items' lengths; that of the method if absent.
        length: Gives the length that stays, where the items are not all here: see `to_power`.
    """
    users, items = (table.detach() for table in tables)
    if method.cosine:
        return unit_rows(users), unit_rows(items)
    power = method.item_power if power is None else power
    if power == 1 or length is None:
        return users, to_power(items, power)
    return users, to_power(items, power, length(items))


def climbed(
    power: float,
    score: Callable[[float], S],
    step: float = STEP,
    bounds: tuple[float, float] = (0.0, MOST),
    better: Callable[[Any, Any], bool] = operator.gt,
) -> tuple[float, S]:
    """The power that is better than the next ones below and above, from ``power`` on; its score.

    >>> climbed(1.0, lambda power: -abs(power - 3))
    (3.0, -0.0)
    >>> climbed(1.0, lambda power: -abs(power))
    (0.0, -0.0)
    """
    best, found = power, score(power)
    for way in (-step, step):
        while bounds[0] <= best + way <= bounds[1]:
            other = score(best + way)
            if not better(other, found):
                break
            best, found = best + way, other
        if best != power:
            break
    return best, found


def every(n_users: int) -> int:
    """Of how many users with validation pairs one is in the sample that chooses a power."""
    return -(-n_users // SAMPLE)


class Checks(ABC):
    """The validation ndcg@20 at a power of the items' lengths, and the power that is best by it.

    Args:
        power: To begin with.
        users: By whom a power is chosen; all if absent.
    """

    def __init__(self, power: float, users: NDArray[np.int64] | None) -> None:
        self.power, self._users = power, users
        self._known: float | None = None

    def __call__(self) -> float:
        """At the power as it stands."""
        known, self._known = self._known, None
        return self._score(self.power) if known is None else known

    def climb(self) -> float:
        """By at most `SAMPLE` users: who they are is the same at each check."""
        self.power, found = climbed(self.power, lambda power: self._score(power, self._users))
        self._known = found if self._users is None else None
        return self.power

    @abstractmethod
    def _score(self, power: float, users: NDArray[np.int64] | None = None) -> float:
        """ndcg@20 at a power, of some users."""


class Validator(Checks):
    """The validation ndcg@20 of a method as it stands, and the power of lengths that is best by it.

    Lengths of item rows carry popularity, and how much of it a ranking wants differs by data and
    changes while rows grow. A power of them changes neither training nor directions.

    Args:
        method: Its settings.
        encoder: Its parameters.
        train: What it is trained on.
        validation: What it is to find.

    Raises:
        FitError: no user can be evaluated.
    """

    def __init__(
        self,
        method: TrainedMethod,
        encoder: Encoder,
        train: Interactions,
        validation: Interactions,
    ) -> None:
        if not (train.user_degree * validation.user_degree).any():
            found = "no user with training interactions"
            expected = "one at least, or no validation (a fraction of 0)"
            raise FitError("validation part", found, expected)
        self.method, self.encoder, self.train = method, encoder, train
        self.validation = validation
        users = np.flatnonzero(validation.user_degree * train.user_degree)
        some = None if every(len(users)) == 1 else users[:: every(len(users))]
        super().__init__(method.item_power, some)

    def _score(self, power: float, users: NDArray[np.int64] | None = None) -> float:
        k = min(20, self.train.n_items)
        scorer = DotScorer(*ranked_tables(self.method, self.encoder.tables(), power))
        found = evaluate(
            scorer, self.validation, train=self.train, k=(k,), metrics=("ndcg",), users=users
        )
        return found[f"ndcg@{k}"]
