"""The spectrum of pure noise: where its singular values end, by the Marchenko-Pastur law."""

from __future__ import annotations

import math

import torch
from torch import Tensor

NODES = 20_001
"""Nodes of the rule that integrates the density; its smoothness makes that far more than enough."""


def noise_edge(values: Tensor, rows: int) -> float:
    """Singular value up to which independent noise of equal variance would reach.

    The variance s² of the noise is taken from the median eigenvalue, which a few strong directions
    do not move: ``s² = median(λ) / (n · m)`` with m the median of the Marchenko-Pastur law of
    ratio d / n. The edge is ``s (√n + √d)``; the largest value of a finite random table lies about
    n^(-2/3) around it, and above it in one of six.

    Args:
        values: (d,) singular values of a table.
        rows: Its rows, n ≥ d.

    Returns:
        The edge; 0 where half the values are 0, or there are fewer rows than columns.

    Source: Marchenko & Pastur 1967; the variance: Gavish & Donoho 2014 (noise of unknown level).
    """
    width = len(values)
    if rows < width:
        return 0.0
    middle = values.square().quantile(0.5).item()
    level = middle / (rows * marchenko_pastur_median(width / rows))
    return math.sqrt(level) * (math.sqrt(rows) + math.sqrt(width))


def marchenko_pastur_median(ratio: float) -> float:
    """Median of the eigenvalues of XᵀX / n, X of unit variance, d / n = ``ratio`` in (0, 1].

    With ``x = 1 + β + 2√β cos θ`` the density becomes ``2 sin²θ / (π x) dθ``, which is smooth, on
    β = 1 too once it is written by half angles.
    """
    theta = torch.linspace(0, math.pi, NODES, dtype=torch.float64)
    x = 1 + ratio + 2 * math.sqrt(ratio) * theta.cos()
    density = 2 * theta.sin().square() / (math.pi * x.clamp_min(1e-300))
    if ratio == 1:  # 0 / 0 at θ = π
        density = 2 * (theta / 2).sin().square() / math.pi
    share = torch.cumulative_trapezoid(density, theta)  # from the upper end of x down
    at = int(torch.searchsorted(share, share[-1] / 2))
    before = share[at - 1].item() if at else 0.0
    part = (share[-1].item() / 2 - before) / (share[at].item() - before)
    angle = theta[at] + part * (theta[at + 1] - theta[at])
    return 1 + ratio + 2 * math.sqrt(ratio) * math.cos(angle.item())
