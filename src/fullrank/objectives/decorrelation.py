"""Balance as a loss: how much the rows of one side resemble each other."""

from __future__ import annotations

from torch import Tensor

from fullrank.objectives.positive import log_positive
from fullrank.spectrum.rows import at_least_float32, unit_rows, without_autocast


def decorrelation(rows: Tensor) -> Tensor:
    """``Σ_u Σ_v (h_uᵀ h_v)²`` of unit rows h: one of the two sums of ``L_ds``.

    It equals ``||HᵀH||²`` (Frobenius), so it costs O(B d²). A step of gradient descent on it is the
    filter of DirectSpec (equations 15 and 16); the smallest value, B² / d, is that of a flat
    spectrum. bfloat16 and float16 rows are taken in float32, beyond which such a sum soon is.

    Shapes: ``rows`` (B, d), any rows; returns a scalar. Source: DirectSpec, equation 14.
    """
    h = unit_rows(at_least_float32(rows))
    with without_autocast(h):
        gram = h.mT @ h
    return gram.square().sum()


def self_paced_decorrelation(rows: Tensor, tau: float) -> Tensor:
    """``Σ_u Σ_v exp(τ h_uᵀ h_v)`` of unit rows h, whose gradient is larger for closer pairs.

    τ multiplies, as everywhere in fullrank; in the paper's equation 20 it divides, and multiplies
    again in equation 22. bfloat16 and float16 rows are taken in float32.

    Shapes: ``rows`` (B, d), any rows; returns a scalar. Source: DirectSpec, equation 20.
    """
    h = unit_rows(at_least_float32(rows))
    with without_autocast(h):
        similarity = h @ h.mT
    return (tau * similarity).exp().sum()


def balance_loss(user: Tensor, item: Tensor, weight: float, tau: float | None = None) -> Tensor:
    """``weight · L_ds / B`` of a batch: equation 14, or equation 20 with a ``tau``.

    Shapes: ``user``, ``item`` (B, d), any rows; returns a scalar.
    """
    if tau is None:
        total = decorrelation(user) + decorrelation(item)
    else:
        total = self_paced_decorrelation(user, tau) + self_paced_decorrelation(item, tau)
    return weight / len(user) * total


def decorrelated_log_positive(
    user: Tensor, item: Tensor, weight: float, tau: float | None = None
) -> Tensor:
    """``mean -ln σ(h_uᵀ h_i) + weight · L_ds / B`` of unit rows h.

    The paper prints the first term without its minus sign, and both as sums; the mean over the
    batch keeps learning rates comparable with those of the other losses.

    Shapes: ``user``, ``item`` (B, d), any rows; returns a scalar. Source: DirectSpec, equation 19.
    """
    observed = log_positive(unit_rows(user), unit_rows(item))
    return observed + balance_loss(user, item, weight, tau)
