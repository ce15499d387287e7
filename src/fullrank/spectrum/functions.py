"""The two filters on unit rows with their gradients written out, five B × B × d products or fewer.

Both take a leading batch dimension, so the two sides of a training step can share every product.

Where a graph of the gradient is asked for (``create_graph=True``), ``backward`` computes what it
saved anew from the inputs, so that second derivatives are whole. Autocast does not reach the
products, forward or backward.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fullrank.spectrum.rows import at_least_float32, without_autocast


class DirectSpecFunction(torch.autograd.Function):
    """``Z = H - α H HᵀH`` in O(B d²), by way of the d × d Gram matrix.

    With C = HᵀH and gradient G: ``dH = G - α (G C + H (HᵀG + GᵀH))``. With a weight w for each
    row, W its diagonal matrix, ``C = HᵀWH`` and the last H is ``W H``.
    Source: DirectSpec, algorithm 2.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, alpha: float, row_weight: Tensor | None) -> Tensor:
        """Shapes: ``h`` (..., B, d), ``row_weight`` (..., B); returns like ``h``."""
        with without_autocast(h):
            covariance = h.mT @ _times(h, row_weight)
            z = h - alpha * (h @ covariance)
        ctx.save_for_backward(h, covariance, row_weight)
        ctx.alpha = alpha
        return z

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        """The formula of the class docstring."""
        h, covariance, row_weight = ctx.saved_tensors
        with without_autocast(h):
            weighted = _times(h, row_weight)
            if torch.is_grad_enabled():
                covariance = h.mT @ weighted
            cross = h.mT @ grad
            pulled = grad @ covariance + weighted @ (cross + cross.mT)
            return grad - ctx.alpha * pulled, None, None


def _times(h: Tensor, row_weight: Tensor | None) -> Tensor:
    return h if row_weight is None else h * row_weight.unsqueeze(-1)


def product(a: Tensor, b: Tensor, rounded: bool) -> Tensor:
    """``a @ b``; of factors and result rounded to bfloat16 if asked, in the type of ``a``."""
    if not rounded:
        return a @ b
    return (a.bfloat16() @ b.bfloat16()).to(a.dtype)


class DirectSpecPlusFunction(torch.autograd.Function):
    """``Z = H - α softmax(Γ ⊙ HHᵀ) H``, softmax over each row.

    With S = HHᵀ, P = softmax(Γ ⊙ S) and gradient G, the softmax gives
    ``dA = P ⊙ (D - rowsum(P ⊙ D))`` for ``D = -α G Hᵀ``, and then
    ``dH = G - α PᵀG + (Γ ⊙ dA + (Γ ⊙ dA)ᵀ) H`` and ``dΓ = S ⊙ dA``. With a weight w for each row,
    ``P = softmax(Γ ⊙ S + 1 (ln w)ᵀ)``: row j counts w_j times, and the gradients are the same.
    Source: DirectSpec, equation 22.
    """

    @staticmethod
    def forward(
        ctx: Any,
        h: Tensor,
        gamma: Tensor | float,
        alpha: Tensor | float,
        rounded: bool,
        row_weight: Tensor | None,
    ) -> Tensor:
        """Shapes: ``h`` (..., B, d); ``gamma`` a number or (..., B, B); ``row_weight`` (..., B).

        An ``alpha`` that is a tensor may be changed in place before ``backward``, which takes the
        value of now; it has no gradient.
        """
        if isinstance(alpha, Tensor):
            alpha = alpha.clone()
        with without_autocast(h):
            similarity = product(h, h.mT, rounded)
            weight = _weights(similarity, gamma, row_weight)
            z = h - alpha * product(weight, h, rounded)
        learned = isinstance(gamma, Tensor) and gamma.requires_grad
        ctx.save_for_backward(
            h,
            weight,
            gamma if isinstance(gamma, Tensor) else None,
            similarity if learned else None,
            row_weight,
            alpha if isinstance(alpha, Tensor) else None,
        )
        ctx.gamma = None if isinstance(gamma, Tensor) else gamma
        ctx.alpha = None if isinstance(alpha, Tensor) else alpha
        ctx.rounded = rounded
        return z

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None, None, None]:
        """The formulas of the class docstring."""
        h, weight, gamma, similarity, row_weight, alpha = ctx.saved_tensors
        gamma = ctx.gamma if gamma is None else gamma
        alpha = ctx.alpha if alpha is None else alpha
        with without_autocast(h):
            if torch.is_grad_enabled():
                h_grad, of_gamma = _plus_grads(h, gamma, grad, alpha, ctx.rounded, row_weight)
                return h_grad, None if similarity is None else of_gamma, None, None, None
            inner = product(grad, h.mT, ctx.rounded)
            inner -= (inner * weight).sum(dim=-1, keepdim=True)
            inner *= weight
            inner *= -alpha
            gamma_grad = None if similarity is None else inner * similarity
            inner *= gamma
            h_grad = grad - alpha * product(weight.mT, grad, ctx.rounded)
            h_grad += product(inner + inner.mT, h, ctx.rounded)
            return h_grad, gamma_grad, None, None, None


def _weights(similarity: Tensor, gamma: Tensor | float, row_weight: Tensor | None) -> Tensor:
    scores = similarity * gamma
    if row_weight is not None:
        scores = scores + row_weight.log().unsqueeze(-2)
    return torch.softmax(scores, dim=-1)


def _plus_grads(
    h: Tensor,
    gamma: Tensor | float,
    grad: Tensor,
    alpha: Tensor | float,
    rounded: bool,
    row_weight: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Gradients of `DirectSpecPlusFunction` as functions of its inputs, to be differentiated."""
    similarity = product(h, h.mT, rounded)
    weight = _weights(similarity, gamma, row_weight)
    inner = product(grad, h.mT, rounded)
    inner = -alpha * weight * (inner - (inner * weight).sum(dim=-1, keepdim=True))
    pulled = inner * gamma
    h_grad = grad - alpha * product(weight.mT, grad, rounded)
    return h_grad + product(pulled + pulled.mT, h, rounded), inner * similarity


def direct_spec(h: Tensor, alpha: float, row_weight: Tensor | None = None) -> Tensor:
    """``Z = H - α H HᵀH``, row b of the sum counting ``row_weight`` times; see the class above."""
    z: Tensor = DirectSpecFunction.apply(h, alpha, row_weight)  # type: ignore[no-untyped-call]
    return z


def direct_spec_plus(
    h: Tensor,
    gamma: Tensor | float,
    alpha: Tensor | float,
    rounded: bool = False,
    row_weight: Tensor | None = None,
) -> Tensor:
    """``Z = H - α softmax(Γ ⊙ HHᵀ) H``, its five products in bfloat16 if ``rounded``.

    With ``row_weight`` (..., B), row j of the softmax counts that many times. See
    `DirectSpecPlusFunction`.
    """
    z: Tensor = DirectSpecPlusFunction.apply(  # type: ignore[no-untyped-call]
        h, gamma, alpha, rounded, row_weight
    )
    return z


SHARPEST = 40.0
"""exp(-2c) must stay far from the end of float32 where the maximum is not looked for."""


BLOCK_ENTRIES = 2**21
"""Most numbers of a block of the B × n products: 8 MiB of float32 stay in the cache."""


class MeanLogSumExpDots(torch.autograd.Function):
    """``mean_b ln Σ_j exp(c · a_bᵀ o_j)``, met in blocks of rows a_b.

    With E the exponentials of a block and t their row sums: ``dA = c / B · diag(1 / t) E O`` and
    ``dO = c / B · Eᵀ diag(1 / t) A``. Both are taken while E is in the cache, as the mean gives
    every row the same weight; so nothing of size B × n is ever made or read again.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, others: Tensor, factor: float, unit: bool) -> Tensor:
        """Shapes: ``rows`` (B, d), ``others`` (n, d); returns a scalar."""
        n_rows, n = len(rows), len(others)
        block_rows = min(n_rows, max(32, BLOCK_ENTRIES // n))
        buffer = rows.new_empty(block_rows, n)
        rows_grad, others_grad = torch.empty_like(rows), torch.zeros_like(others)
        value = rows.new_zeros(())
        for start in range(0, n_rows, block_rows):
            part = slice(start, start + block_rows)
            block = rows[part]
            terms = buffer[: len(block)]
            largest = _scaled_dots(block, others, factor, unit, terms)
            total = terms.exp_().sum(dim=-1, keepdim=True)
            value += (largest + total.log()).sum()
            torch.mm(terms, others, out=rows_grad[part])
            rows_grad[part] /= total
            others_grad.addmm_(terms.mT, block / total)
        ctx.save_for_backward(rows, others, rows_grad, others_grad)
        ctx.factor = factor
        return value / n_rows

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """The formulas of the class docstring."""
        rows, others, rows_grad, others_grad = ctx.saved_tensors
        if torch.is_grad_enabled():
            with without_autocast(rows):
                weight = torch.softmax(ctx.factor * (rows @ others.mT), dim=-1)
                rows_grad, others_grad = weight @ others, weight.mT @ rows
        scale = ctx.factor / len(rows) * grad
        return scale * rows_grad, scale * others_grad, None, None


def _scaled_dots(rows: Tensor, others: Tensor, factor: float, unit: bool, out: Tensor) -> Tensor:
    """Writes ``c · a_bᵀ o_j - m_b`` to ``out`` and returns m, (B, 1), no less than the products."""
    if unit and abs(factor) <= SHARPEST:
        # No cosine is above 1 or below -1, so there is no maximum to look for.
        largest = rows.new_full((1, 1), abs(factor))
        torch.addmm(-largest, rows, others.mT, alpha=factor, out=out)
        return largest.expand(len(rows), 1)
    torch.mm(rows, others.mT, out=out)
    out *= factor
    largest = out.amax(dim=-1, keepdim=True)
    out -= largest
    return largest


class GaussianPotential(torch.autograd.Function):
    """``ln Σ_{u<v} exp(-t ||x_u - x_v||²)`` of one batch.

    With K the matrix of these terms, its diagonal zero, and T the sum: ``dX = -2t / T · (diag(K 1)
    X - K X)``, two products and one exponential.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, t: float) -> Tensor:
        """Shapes: ``x`` (n, d); returns a scalar."""
        square = x.square().sum(dim=-1)
        with without_autocast(x):
            kernel = x @ x.mT
        kernel *= 2 * t
        kernel -= t * square
        kernel -= t * square.unsqueeze(-1)
        kernel.fill_diagonal_(-torch.inf)
        largest = kernel.amax()
        kernel -= largest
        kernel.exp_()
        total = kernel.sum() / 2
        ctx.save_for_backward(x, kernel, total)
        ctx.t = t
        return largest + total.log()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """The formula of the class docstring."""
        x, kernel, total = ctx.saved_tensors
        with without_autocast(x):
            if torch.is_grad_enabled():
                square = x.square().sum(dim=-1)
                power = ctx.t * (2 * x @ x.mT - square - square.unsqueeze(-1))
                diagonal = torch.eye(len(x), dtype=torch.bool, device=x.device)
                power = power.masked_fill(diagonal, -torch.inf)
                kernel = torch.exp(power - power.detach().amax())
                total = kernel.sum() / 2
            pulled = kernel.sum(dim=-1, keepdim=True) * x - kernel @ x
            return (-2 * ctx.t * grad / total) * pulled, None


def mean_log_sum_exp_dots(
    rows: Tensor, others: Tensor, factor: float, *, unit: bool = False
) -> Tensor:
    """``mean_b ln Σ_j exp(c · a_bᵀ o_j)``, quicker where all are unit rows.

    bfloat16 and float16 rows are taken in float32. See `MeanLogSumExpDots`.
    """
    rows, others = at_least_float32(rows), at_least_float32(others)
    value: Tensor = MeanLogSumExpDots.apply(rows, others, factor, unit)  # type: ignore[no-untyped-call]
    return value


def gaussian_potential(x: Tensor, t: float) -> Tensor:
    """``ln Σ_{u<v} exp(-t ||x_u - x_v||²)``; see `GaussianPotential`."""
    x = at_least_float32(x)
    value: Tensor = GaussianPotential.apply(x, t)  # type: ignore[no-untyped-call]
    return value
