"""Objectives that set observed items against sampled unobserved ones."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus


def negative_scores(user: Tensor, negative: Tensor) -> Tensor:
    """``u_bᵀ v_bn``. Shapes: ``user`` (B, d), ``negative`` (B, N, d); returns (B, N)."""
    return (negative @ user.unsqueeze(-1)).squeeze(-1)


def bpr(user: Tensor, item: Tensor, negative: Tensor) -> Tensor:
    """``mean_b Σ_n -ln σ(u_bᵀ v_b - u_bᵀ v_bn)``, Bayesian personalised ranking.

    Shapes: ``user``, ``item`` (B, d), ``negative`` (B, N, d); returns a scalar.
    Source: Rendle et al., UAI 2009; DirectSpec, equation 2.
    """
    positive = (user * item).sum(dim=-1, keepdim=True)
    return softplus(negative_scores(user, negative) - positive).sum(dim=-1).mean()


def bce(user: Tensor, item: Tensor, negative: Tensor) -> Tensor:
    """``mean_b [-ln σ(u_bᵀ v_b) - Σ_n ln(1 - σ(u_bᵀ v_bn))]``, binary cross-entropy.

    Shapes: ``user``, ``item`` (B, d), ``negative`` (B, N, d); returns a scalar.
    Source: DirectSpec, equation 2, with N sampled negatives for the sum over unobserved pairs.
    """
    positive = softplus(-(user * item).sum(dim=-1))
    return (positive + softplus(negative_scores(user, negative)).sum(dim=-1)).mean()
