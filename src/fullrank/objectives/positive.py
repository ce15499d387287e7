"""Objectives of observed pairs alone. By themselves they collapse the embeddings."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus


def log_positive(user: Tensor, item: Tensor) -> Tensor:
    """``mean -ln σ(u_bᵀ v_b)``.

    Shapes: ``user``, ``item`` (B, d); returns a scalar. Source: DirectSpec, section III-A.
    """
    return softplus(-(user * item).sum(dim=-1)).mean()


def penalised_log_positive(user: Tensor, item: Tensor, decay: float) -> Tensor:
    """``log_positive(u, v) + λ · mean (||u_b||² + ||v_b||²)``.

    The rows are those that the scores are made of, balanced and rescaled where a method does so;
    an L2 penalty on the raw rows would not see what balancing made of them.

    Shapes: ``user``, ``item`` (B, d); returns a scalar. Source: the published run of DirectSpec+ on
    LightGCN with constant τ, with λ = 0.01; the paper names the rate and not what it is on.
    """
    norms = user.square().sum(dim=-1) + item.square().sum(dim=-1)
    return log_positive(user, item) + decay * norms.mean()


def euclidean_positive(user: Tensor, item: Tensor) -> Tensor:
    """``mean ||u_b - v_b||²``, whose gradient does not vanish as pairs score high.

    Shapes: ``user``, ``item`` (B, d); returns a scalar. Source: DirectSpec, section III-A.
    """
    return (user - item).square().sum(dim=-1).mean()
