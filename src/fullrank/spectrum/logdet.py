"""How far the covariance of unit rows is from that of rows which use every dimension alike."""

from __future__ import annotations

import torch
from torch import Tensor

from fullrank.spectrum.rows import at_least_float32, without_autocast

RIDGE = 1e-4
"""Added to the covariance, so that a batch with fewer rows than dimensions has a finite value."""


def log_det_divergence(h: Tensor, ridge: float = RIDGE) -> Tensor:
    """``(tr(M) - ln det(M)) / d - 1`` with ``M = d · HᵀH / B + ρ I``: zero where M = I.

    This is the log-determinant (Burg) divergence of the scaled covariance from the identity, per
    dimension. It grows without bound as a direction is lost, which no norm of ``M - I`` does.

    Shapes: ``h`` (B, d), unit rows; returns a scalar.
    Source: Zhang et al., NeurIPS 2023 (Mitigating the Popularity Bias of Graph CF).
    """
    h = at_least_float32(h)
    n, d = h.shape
    with without_autocast(h):
        scaled = d / n * (h.mT @ h) + ridge * torch.eye(d, dtype=h.dtype, device=h.device)
    factor = torch.linalg.cholesky(scaled)
    log_det: Tensor = 2 * factor.diagonal().log().sum()
    return (scaled.diagonal().sum() - log_det) / d - 1
