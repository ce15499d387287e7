"""Objectives that align observed pairs and spread all rows, without sampling any item."""

from __future__ import annotations

from torch import Tensor

from fullrank.spectrum import alignment, log_det_divergence, uniformity, unit_rows
from fullrank.spectrum.rows import at_least_float32


def direct_au(user: Tensor, item: Tensor, gamma: float) -> Tensor:
    """``alignment(u, v) + γ / 2 (uniformity(u) + uniformity(v))`` of unit rows.

    Shapes: ``user``, ``item`` (B, d); returns a scalar.
    Source: DirectAU, Wang et al., KDD 2022, equation 6.
    """
    u, v = unit_rows(at_least_float32(user)), unit_rows(at_least_float32(item))
    return alignment(u, v) + gamma / 2 * (uniformity(u) + uniformity(v))


def log_det(user: Tensor, item: Tensor, gamma: float) -> Tensor:
    """``alignment(u, v) + γ / 2 (D(C_u) + D(C_v))``, D the divergence of a covariance from I / d.

    Shapes: ``user``, ``item`` (B, d); returns a scalar.
    Source: Zhang et al., NeurIPS 2023 (decorrelation by log-determinant divergence).
    """
    u, v = unit_rows(at_least_float32(user)), unit_rows(at_least_float32(item))
    return alignment(u, v) + gamma / 2 * (log_det_divergence(u) + log_det_divergence(v))
