"""Objectives of observed pairs alone. By themselves they collapse the embeddings."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus


def log_positive(user: Tensor, item: Tensor) -> Tensor:
    """``mean -ln σ(u_bᵀ v_b)``.

    Shapes: ``user``, ``item`` (B, d); returns a scalar. Source: DirectSpec, section III-A.
    """
    return softplus(-(user * item).sum(dim=-1)).mean()


def euclidean_positive(user: Tensor, item: Tensor) -> Tensor:
    """``mean ||u_b - v_b||²``, whose gradient does not vanish as pairs score high.

    Shapes: ``user``, ``item`` (B, d); returns a scalar. Source: DirectSpec, section III-A.
    """
    return (user - item).square().sum(dim=-1).mean()
