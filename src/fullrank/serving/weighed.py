"""What scorers of histories share: other users' histories, and a factor for each item."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.data.weights import user_strength
from fullrank.errors import DataError
from fullrank.serving.finite import check_scores, largest
from fullrank.serving.stored_checks import tensor

FACTORS = "item_factors"
"""Name of the factors in a model folder, beside what else a scorer keeps."""


class Weighed(ABC):
    """A scorer of any histories; the scores of each item are multiplied by its factor, if any.

    Users who were not in training need no more than a history.
    """

    parts: ClassVar[str] = "singular vectors and interactions of the model"
    """What it is made of, in messages."""
    factors: NDArray[np.float32] | None = None
    """(n_items,) what the scores of each item are multiplied by; None for nothing."""
    _largest: float
    """What no score of a history of weight 1 exceeds, before factors."""
    _most: float
    """The weight of the heaviest history."""

    def of(self, history: Interactions) -> Self:
        """The same model for other users."""
        other = copy.copy(self)
        other._use(history)
        return other

    def _use(self, history: Interactions) -> None:
        """Takes the histories of other users; raises FitError where a score could be infinite."""
        self._most = float(user_strength(history).max(initial=1))
        self._check()
        self._take(history)

    def _check(self) -> None:
        factor = 1.0 if self.factors is None else largest(self.factors)
        check_scores(self.parts, self._largest * self._most * factor)

    @abstractmethod
    def _take(self, history: Interactions) -> None:
        """Makes of histories what the scores need."""

    def scores(self, users: Tensor) -> Tensor:
        """See the class, (b, n_items) float32."""
        return self._weighed(self._scores(users))

    @abstractmethod
    def _scores(self, users: Tensor) -> Tensor:
        """Scores of all items before their factors, (b, n_items) float32, made anew."""

    def _weighed(self, scores: Tensor) -> Tensor:
        return scores if self.factors is None else scores.mul_(torch.from_numpy(self.factors))

    def with_factors(self, factors: NDArray[np.float32] | None) -> Self:
        """The same scores, those of item i times ``factors[i]``, whatever the factors were before.

        Raises:
            FitError: a score could exceed float32.
        """
        other = copy.copy(self)
        other.factors = factors
        other._check()
        return other

    def tensors(self) -> dict[str, Tensor]:
        """What a model folder keeps."""
        factors = {} if self.factors is None else {FACTORS: torch.from_numpy(self.factors)}
        return self._tensors() | factors

    @abstractmethod
    def _tensors(self) -> dict[str, Tensor]:
        """All of it but the factors."""

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], history: Interactions) -> Self:
        """The scorer of which `tensors` were kept.

        Raises:
            DataError: they are not what this scorer keeps of n_items items.
        """
        made = cls._from_tensors(tensors, history)
        if FACTORS not in tensors:
            return made
        factors = tensor(tensors, FACTORS, torch.float32, (history.n_items,)).numpy()
        if not (np.isfinite(factors).all() and (factors >= 0).all()):
            found = "a negative one, NaN or infinity"
            raise DataError(f"tables of the model, {FACTORS}", found, "numbers of 0 or more")
        return made.with_factors(factors)

    @classmethod
    @abstractmethod
    def _from_tensors(cls, tensors: Mapping[str, Tensor], history: Interactions) -> Self:
        """As `from_tensors`, without factors."""
