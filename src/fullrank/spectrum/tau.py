"""Designs of Γ, the factor that sharpens the similarities of DirectSpec+ before the softmax.

The paper calls its values temperatures τ, and so do we; they *multiply* the similarity, so they
are inverse temperatures: a larger τ penalises the most similar pairs more.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def graph_tau(
    near: Tensor, tau_near: float, tau_far: float, dtype: torch.dtype = torch.float32
) -> Tensor:
    """``Γ_uv = τ₀`` where ``near``, else ``τ₁``.

    Shapes: ``near`` (..., B, B) bool, whether d_G(u, v) ≤ K; returns ``dtype`` of the same shape.
    Source: DirectSpec, equation 21 (static design).
    """
    return torch.full_like(near, tau_far, dtype=dtype).masked_fill_(near, tau_near)


class AttentionTau(nn.Module):
    """``Γ_uv = σ(Wᵀ [h_u ‖ h_v])`` with W learned (the dynamic design, section IV-C).

    Being linear inside, it is an outer sum, ``σ(a_u + b_v)`` with ``a = H W₁`` and ``b = H W₂``.
    The paper leaves the range at (0, 1); ``scale`` multiplies it. With ``sides``, the leading
    dimension of the rows, each side has a W of its own. A backward pass that runs under autocast
    takes the gradient of ``H W`` in the narrow type, as it does that of any layer.
    """

    def __init__(
        self,
        dim: int,
        scale: float = 1.0,
        *,
        sides: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        bound = math.sqrt(6 / (2 * dim + 1))
        shape = (2, dim) if sides is None else (sides, 2, dim)
        weight = torch.empty(shape).uniform_(-bound, bound, generator=generator)
        self.weight = nn.Parameter(weight)
        self.scale = scale

    def forward(self, h: Tensor) -> Tensor:
        """Shapes: ``h`` (..., B, d), unit rows; returns (..., B, B)."""
        parts = h @ self.weight.to(h.dtype).mT
        return self.scale * torch.sigmoid(parts[..., 0].unsqueeze(-1) + parts[..., 1].unsqueeze(-2))
