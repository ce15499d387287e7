"""The scorer of a blend: weighted z-scores of the scores of several methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, cast

import torch
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.errors import DataError, FitError
from fullrank.serving.fold_in import FoldIn
from fullrank.serving.kinds import Single, single_of
from fullrank.serving.scorers import DotScorer, Tensors
from fullrank.serving.stored_checks import tensor

WEIGHTS = "blend.weights"
"""Tensor that only a blend has; those of part i are named ``blend.i.``."""
MOST = 64
"""Parts of a blend."""


@dataclass(frozen=True)
class BlendPart:
    """A scorer with what folds users into it."""

    scorer: Single
    fold_in: FoldIn


class BlendScorer:
    """Ranks by ``Σ_m w_m (s_m - mean) / deviation`` with each user's own mean and deviation.

    Both are taken over the scores of all items, so parts of any scale can be blended. A part that
    scores all items of a user alike says nothing of this user.

    Args:
        history: The users' interactions.
        parts: The scorers, all of the same users and items.
        weights: A positive number for each.

    Raises:
        FitError: there are no parts, a weight is not positive, or parts differ in users or items.
    """

    def __init__(
        self, history: Interactions, parts: Sequence[BlendPart], weights: Sequence[float]
    ) -> None:
        sizes = {(part.scorer.n_users, part.scorer.n_items) for part in parts}
        if sizes != {(history.n_users, history.n_items)}:
            expected = f"{history.n_users} users × {history.n_items} items"
            raise FitError("parts of the blend", f"users × items of {sorted(sizes)}", expected)
        if len(weights) != len(parts) or not all(0 < each < float("inf") for each in weights):
            raise FitError("weights of the blend", str(list(weights)), "a positive one a part")
        self.history, self.parts, self.weights = history, tuple(parts), tuple(map(float, weights))

    @property
    def n_users(self) -> int:
        """Users of the history."""
        return self.history.n_users

    @property
    def n_items(self) -> int:
        """Items of every part."""
        return self.history.n_items

    @property
    def n_weights(self) -> int:
        """Numbers that the parts keep."""
        return sum(
            scorer.user_table.numel() + scorer.item_table.numel()
            if isinstance(scorer, DotScorer)
            else scorer.n_weights
            for scorer in (part.scorer for part in self.parts)
        )

    def scores(self, users: Tensor) -> Tensor:
        """See the class, (b, n_items) float32 on the CPU."""
        total = torch.zeros(len(users), self.n_items)
        for part, weight in zip(self.parts, self.weights, strict=True):
            total += weight * standardised(part.scorer.scores(users).cpu())
        return total

    def of(self, history: Interactions) -> Self:
        """The same blend for other users, folded into each part as the part's method does."""
        folded = (part.fold_in.fold(part.scorer, self.history, history) for part in self.parts)
        parts = [
            BlendPart(cast("Single", scorer), part.fold_in)  # each folds into one of its kind
            for scorer, part in zip(folded, self.parts, strict=True)
        ]
        return type(self)(history, parts, self.weights)

    def tensors(self) -> dict[str, Tensor]:
        """What a model folder keeps: the parts', with their maps of fold-in."""
        kept = {WEIGHTS: torch.tensor(self.weights, dtype=torch.float64)}
        for number, part in enumerate(self.parts):
            own = part.scorer.tensors() | part.fold_in.tensors(part.scorer, self.history)
            kept |= {f"blend.{number}.{name}": each for name, each in own.items()}
        return kept

    @classmethod
    def from_tensors(cls, tensors: Tensors, history: Interactions) -> Self:
        """The scorer of which `tensors` were kept.

        Raises:
            DataError: weights are not positive numbers, or a part is not one of these users and
                items.
        """
        weights = tensor(tensors, WEIGHTS, torch.float64, (None,)).tolist()
        if len(weights) > MOST or not all(0 < each < float("inf") for each in weights):
            found = f"{len(weights)} weights, or one that is not positive"
            raise DataError("tables of the model, blend", found, f"up to {MOST} positive weights")
        parts = []
        for number in range(len(weights)):
            prefix = f"blend.{number}."
            own = {
                name.removeprefix(prefix): each
                for name, each in tensors.items()
                if name.startswith(prefix)
            }
            scorer = single_of(own, history)
            if (scorer.n_users, scorer.n_items) != (history.n_users, history.n_items):
                found = f"{scorer.n_users} users × {scorer.n_items} items"
                wanted = f"{history.n_users} × {history.n_items}"
                raise DataError(f"tables of the model, part {number}", found, wanted)
            # Kept with its map, so whether the users are those of training is of no matter.
            fold_in = FoldIn.from_tensors(own, scorer, trained=False)
            parts.append(BlendPart(scorer, fold_in))
        return cls(history, parts, weights)


def standardised(scores: Tensor) -> Tensor:
    """Each row less its mean, in standard deviations of the row; zero where all are alike.

    Shapes: (b, n) to (b, n). Moments are summed in float64.
    """
    wide = scores.double()
    deviation, mean = torch.std_mean(wide, dim=1, correction=0, keepdim=True)
    alike = deviation <= wide.abs().amax(dim=1, keepdim=True) * 1e-7
    return ((wide - mean) / torch.where(alike, torch.inf, deviation)).float()
