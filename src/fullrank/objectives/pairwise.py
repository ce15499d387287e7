"""Objectives that set observed items against sampled unobserved ones."""

from __future__ import annotations

import torch
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


def bce_unobserved(user: Tensor, item: Tensor, negative: Tensor) -> Tensor:
    """``mean_b Σ_n -ln(1 - σ(u_bᵀ v_bn))``: what is left of `bce` without observed pairs.

    Shapes: ``user``, ``item`` (B, d), ``negative`` (B, N, d); returns a scalar.
    Source: DirectSpec, figure 6.
    """
    del item
    return softplus(negative_scores(user, negative)).sum(dim=-1).mean()


def euclidean(user: Tensor, item: Tensor, negative: Tensor, margin: float) -> Tensor:
    """``mean_b [||u_b - v_b||² + Σ_n max(0, m - ||u_b - v_bn||²)]``.

    The squared distance pulls as it does without negatives; a negative is pushed with a gradient
    that does not vanish either, until it is farther than the margin.

    Shapes: ``user``, ``item`` (B, d), ``negative`` (B, N, d); returns a scalar.
    Source: DirectSpec, figure 3b (which leaves the form open); Hadsell et al., CVPR 2006.
    """
    pull = (user - item).square().sum(dim=-1)
    away = (user.unsqueeze(1) - negative).square().sum(dim=-1)
    return (pull + (margin - away).clamp_min(0).sum(dim=-1)).mean()


def adaptive_bpr(user: Tensor, item: Tensor, negative: Tensor) -> Tensor:
    """BPR whose negatives weigh ``1 - log₁₀(1 - min(σ(u_bᵀ v_bn), 0.99))``, a constant of the step.

    Negatives that score high weigh up to three times as much.

    Shapes: ``user``, ``item`` (B, d), ``negative`` (B, N, d); returns a scalar.
    Source: GDE, Peng et al., SIGIR 2022, section 4.3.
    """
    positive = (user * item).sum(dim=-1, keepdim=True)
    against = negative_scores(user, negative)
    weight = 1 - torch.log10(1 - against.detach().sigmoid().clamp_max(0.99))
    return softplus(weight * against - positive).sum(dim=-1).mean()
