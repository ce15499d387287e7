"""Embedding users who were not in training, from their items, with everything else frozen."""

from __future__ import annotations

import torch
from torch import Tensor

from fullrank.data.interactions import Interactions

RIDGE = 1e-2
"""Penalty of the fit as a share of the mean squared length of its inputs."""


def fold_in_users(
    user_table: Tensor, item_table: Tensor, train: Interactions, new: Interactions
) -> Tensor:
    """Rows for new users, by the linear map that best predicts trained users from their items.

    With f_u = |I_u|^{-1/2} Σ_{i ∈ I_u} v_i over the item rows of user u, the d × d matrix W
    minimises ``Σ_u ||x_u - f_u W||² + ρ ||W||²`` over the users of training; a new user gets f W.
    One pass over the interactions and one d × d solve, whatever method the tables come from.

    Shapes: ``user_table`` (n_users, d), ``item_table`` (n_items, d); returns (new.n_users, d).
    """
    known = _bags(item_table, train).double()
    trained = torch.from_numpy(train.user_degree > 0).to(known.device)
    known, target = known[trained], user_table[trained].double()
    square = known.T @ known
    square.diagonal().add_(RIDGE * square.diagonal().mean())
    mapping = torch.linalg.solve(square, known.T @ target)
    return (_bags(item_table, new).double() @ mapping).to(user_table.dtype)


def _bags(item_table: Tensor, data: Interactions) -> Tensor:
    """(n_users, d): sums of each user's item rows over the root of their number."""
    offsets = torch.from_numpy(data.indptr[:-1]).to(item_table.device)
    cells = torch.from_numpy(data.item_idx).long().to(item_table.device)
    sums = torch.nn.functional.embedding_bag(cells, item_table, offsets, mode="sum")
    degree = torch.from_numpy(data.user_degree).to(item_table.device).clamp_min(1)
    return sums / degree.sqrt().unsqueeze(1).to(sums.dtype)
