"""Embedding users who were not in training, from their items, with everything else frozen."""

from __future__ import annotations

import torch
from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.spectrum import unit_rows

RIDGE = 1e-2
"""Penalty of the fit as a share of the mean squared length of its inputs."""


def fold_in_users(
    user_table: Tensor, item_table: Tensor, train: Interactions, new: Interactions
) -> Tensor:
    """Rows for new users, by the linear map that best predicts trained users from their items.

    With f_u the mean of the unit rows of the items of user u, the d × d matrix W minimises
    ``Σ_u ||x_u - f_u W||² + ρ ||W||²`` over the users of training; a new user gets f W. The map
    carries no trace of the new user's own pairs beyond their mean, so it does not overfit them.
    One pass over the interactions and one d × d solve, whatever method the tables come from.

    Shapes: ``user_table`` (n_users, d), ``item_table`` (n_items, d); returns (new.n_users, d).
    """
    known = _bags(item_table, train).double()
    trained = torch.from_numpy(train.user_degree > 0).to(known.device)
    known, target = known[trained], user_table[trained].double()
    square = known.T @ known
    square.diagonal().add_(RIDGE * square.diagonal().mean())
    mapping = torch.linalg.solve(square, known.T @ target)
    rows: Tensor = _bags(item_table, new).double() @ mapping
    return rows.to(user_table.dtype)


def _bags(item_table: Tensor, data: Interactions) -> Tensor:
    """(n_users, d): the mean of each user's unit item rows; zero for a user without items."""
    offsets = torch.from_numpy(data.indptr[:-1]).to(item_table.device)
    cells = torch.from_numpy(data.item_idx).long().to(item_table.device)
    means: Tensor = torch.nn.functional.embedding_bag(
        cells, unit_rows(item_table), offsets, mode="mean"
    )
    return means
