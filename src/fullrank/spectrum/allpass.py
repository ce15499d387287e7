"""Algorithm 1: an all-pass filter on a whole matrix."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from fullrank.spectrum.measure import singular_values
from fullrank.spectrum.rows import at_least_float32, without_autocast


def largest_safe_alpha(sigma: float, power: int = 1) -> float:
    """The α at which ``1 - α σ₁^{2L}`` reaches zero; larger ones turn the leading direction over.

    Source: DirectSpec, section IV-A.
    """
    # As a tensor: where a float raises for too large a power, this is infinite.
    return torch.tensor(sigma, dtype=torch.float64).pow(-2 * power).item()


def warn_unsafe(alpha: float, safe: float, name: str) -> None:
    """Says once per place of call that α breaks the all-pass property, and what would not."""
    warnings.warn(
        f"{name}: alpha = {alpha:g} makes 1 - alpha * sigma_1^(2 L) negative, so the filter no "
        f"longer balances the spectrum; the largest safe alpha here is {safe:.3g}",
        RuntimeWarning,
        stacklevel=3,
    )


def balance_spectrum(x: Tensor, alpha: float, power: int = 1, iterations: int = 1) -> Tensor:
    """Repeats ``H ← H - α (H Hᵀ)^L H``, which takes σ_k to ``σ_k (1 - α σ_k^{2L})``.

    Uses ``(H Hᵀ)^L H = H (HᵀH)^L``: O(n d²) a step, no n × n matrix.

    Args:
        x: Any matrix, (n, d).
        alpha: Step α ≥ 0 of the filter.
        power: The paper's L ≥ 0, the power of the affinity.
        iterations: The paper's T ≥ 0, how often the step is repeated.

    Returns:
        A new matrix like ``x``; differentiable by autograd. One of bfloat16 or float16 is filtered
        in float32: its Gram matrix can be more than float16 holds.

    Raises:
        ValueError: ``x`` holds a value that is not finite.

    Warns:
        RuntimeWarning: ``1 - α σ₁^{2L} < 0`` on the input, so that the filter is not all-pass.

    Source: DirectSpec, algorithm 1 and equation 13.
    """
    sigma = singular_values(x)[0].item() if x.numel() else 0.0
    safe = largest_safe_alpha(sigma, power)
    if alpha > safe:
        warn_unsafe(alpha, safe, "balance_spectrum")
    h = at_least_float32(x)
    with without_autocast(h):
        for _ in range(iterations):
            affinity = torch.linalg.matrix_power(h.mT @ h, power)
            h = h - alpha * (h @ affinity)
    return h.to(x.dtype)
