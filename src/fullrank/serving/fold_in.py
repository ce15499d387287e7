"""Embedding users or items that were not in training, with everything else frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.errors import DataError
from fullrank.serving.scorers import DotScorer, HistoryScorer, Scorer
from fullrank.spectrum import unit_rows

RIDGE = 1e-2
"""Penalty of the fit as a share of the mean squared length of its inputs."""

TENSOR, WEIGHTED = "fold_in", "fold_in.weighted"
"""Names of the map in a model folder, beside the tables: of plain and of weighted means."""

Fitted = DotScorer | HistoryScorer
"""What a method ranks with, once it is fitted."""

BLOCK = 2**16
"""Users whose float64 rows are held at a time while the map is fitted."""


def fold_in_users(
    user_table: Tensor,
    item_table: Tensor,
    train: Interactions,
    new: Interactions,
    *,
    weighted: bool = False,
) -> Tensor:
    """Rows for new users, by the linear map that best predicts trained users from their items.

    With f_u the mean of the unit rows of the items of user u, the d × d matrix W minimises
    ``Σ_u ||x_u - f_u W||² + ρ ||W||²`` over the users of training; a new user gets f W. The map
    carries no trace of the new user's own pairs beyond their mean, so it does not overfit them.
    One pass over the interactions and one d × d solve, whatever method the tables come from.

    If ``weighted``, f_u is the mean by the weights of the pairs, ``Σ_i w_ui v_i / Σ_i w_ui``; pairs
    without weights have the same.

    Shapes: ``user_table`` (n_users, d), ``item_table`` (n_items, d); returns (new.n_users, d).
    """
    return folded_rows(
        item_table,
        fold_in_map(user_table, item_table, train, weighted=weighted),
        new,
        user_table.dtype,
        weighted=weighted,
    )


def fold_in_items(
    user_table: Tensor, item_table: Tensor, train: Interactions, new: Interactions
) -> Tensor:
    """Rows for the items of ``new``, from their users: `fold_in_users` with the sides exchanged.

    Shapes: ``user_table`` (n_users, d), ``item_table`` (n_items, d); returns (new.n_items, d), zero
    for an item without users.
    """
    return fold_in_users(item_table, user_table, exchanged(train), exchanged(new))


def exchanged(data: Interactions) -> Interactions:
    """The same pairs with items in the place of users."""
    return Interactions.from_rows(
        data.items, data.users, data.item_idx, data.user_idx, weight=data.weight
    )


@torch.no_grad()
def fold_in_map(
    user_table: Tensor, item_table: Tensor, train: Interactions, *, weighted: bool = False
) -> Tensor:
    """W of `fold_in_users`, (d, d) float64: all of the training that new users need.

    Zero where no trained user has an item of which there is a direction.
    """
    unit, d = unit_rows(item_table), item_table.shape[1]
    square, cross = torch.zeros(2, d, d, dtype=torch.float64, device=item_table.device)
    trained = torch.from_numpy(train.user_degree > 0).to(item_table.device)
    for start in range(0, train.n_users, BLOCK):
        block = slice(start, min(start + BLOCK, train.n_users))
        kept = trained[block]
        indptr = train.indptr[block.start : block.stop + 1]
        pairs = slice(indptr[0], indptr[-1])
        items = train.item_idx[pairs].astype(np.int64)
        weight = train.weight[pairs] if weighted and train.weight is not None else None
        known = _means(unit, indptr - indptr[0], items, weight)[kept].double()
        square += known.T @ known
        cross += known.T @ user_table[block][kept].double()
    penalty = RIDGE * square.diagonal().mean()
    if not penalty > 0:
        return torch.zeros_like(cross)
    square.diagonal().add_(penalty)
    # Row by row, as it comes back from a model folder, so that products round alike.
    mapping: Tensor = torch.linalg.solve(square, cross).contiguous()
    return mapping


@torch.no_grad()
def folded_rows(
    item_table: Tensor,
    mapping: Tensor,
    new: Interactions,
    dtype: torch.dtype = torch.float32,
    *,
    weighted: bool = False,
) -> Tensor:
    """The rows f W of `fold_in_users`, (new.n_users, d), at the cost of the new users' items."""
    distinct, items = np.unique(new.item_idx, return_inverse=True)
    rows = item_table[torch.from_numpy(distinct.astype(np.int64)).to(item_table.device)]
    weight = new.weight if weighted else None
    folded: Tensor = _means(unit_rows(rows), new.indptr, items, weight).double() @ mapping
    return folded.to(dtype)


class FoldIn:
    """The map of a model, fitted to its training at the first use and kept from then on.

    Args:
        mapping: W, where it is there already.
        trained: Whether the model's users are those of training. Of users who were themselves
            folded in a map would mean nothing.
        weighted: Whether the means are weighted: where the method uses the weights that the
            training part has.
    """

    def __init__(
        self, mapping: Tensor | None = None, *, trained: bool = True, weighted: bool = False
    ) -> None:
        self._matrix = mapping
        self._trained = trained
        self.weighted = weighted

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], scorer: Scorer, *, trained: bool) -> Self:
        """What `tensors` gave; without a map where the folder is older than that, and than weights.

        Raises:
            DataError: the map is not a d × d matrix of finite numbers.
        """
        weighted = WEIGHTED in tensors
        mapping = tensors.get(WEIGHTED if weighted else TENSOR)
        if mapping is not None and isinstance(scorer, DotScorer):
            d = scorer.item_table.shape[1]
            numbers = mapping.is_floating_point()
            if not numbers or mapping.shape != (d, d) or not mapping.double().isfinite().all():
                found = f"shape {tuple(mapping.shape)}, or numbers that are not finite"
                raise DataError("fold-in map of the model", found, f"{d} × {d} finite numbers")
            mapping = mapping.to(scorer.item_table.device, torch.float64)
        return cls(mapping, trained=trained, weighted=weighted)

    def tensors(self, scorer: Scorer, train: Interactions) -> dict[str, Tensor]:
        """What a model folder keeps, fitted now if need be; nothing of a method without tables."""
        if not isinstance(scorer, DotScorer) or not (self._trained or self._matrix is not None):
            return {}
        return {WEIGHTED if self.weighted else TENSOR: self.matrix(scorer, train).cpu()}

    def matrix(self, scorer: DotScorer, train: Interactions) -> Tensor:
        """Returns W, (d, d) float64, computed at the first call.

        Raises:
            DataError: the model holds folded-in users alone and was saved without W.
        """
        if self._matrix is None:
            if not self._trained:
                found = "a model of folded-in users that was saved without its map"
                raise DataError("fold_in", found, "the model that they were folded into")
            self._matrix = fold_in_map(
                scorer.user_table, scorer.item_table, train, weighted=self.weighted
            )
        return self._matrix

    def fold(self, scorer: Fitted, train: Interactions, new: Interactions) -> Fitted:
        """The scorer of new users; a method without tables takes their items as they are."""
        if not isinstance(scorer, DotScorer):
            return scorer.of(new)
        mapping = self.matrix(scorer, train)
        rows = folded_rows(scorer.item_table, mapping, new, weighted=self.weighted)
        return scorer.with_users(rows)


def _means(
    unit: Tensor,
    indptr: NDArray[np.int64],
    items: NDArray[np.int64],
    weight: NDArray[np.float32] | None = None,
) -> Tensor:
    """(n_users, d): the mean of each user's unit item rows; zero for a user without items.

    Args:
        unit: (n_items, d) unit rows.
        indptr: (n_users + 1,) where each user's items begin.
        items: (nnz,) their row numbers.
        weight: (nnz,) positive weights of the mean; none for the same of each.
    """
    offsets, at = (torch.from_numpy(each).to(unit.device) for each in (indptr[:-1].copy(), items))
    if weight is None:
        means: Tensor = torch.nn.functional.embedding_bag(at, unit, offsets, mode="mean")
        return means
    users = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    share = weight / np.bincount(users, weights=weight, minlength=len(indptr) - 1)[users]
    shares = torch.from_numpy(share).to(unit.device, unit.dtype)
    sums: Tensor = torch.nn.functional.embedding_bag(
        at, unit, offsets, mode="sum", per_sample_weights=shares
    )
    return sums
