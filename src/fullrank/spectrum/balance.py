"""DirectSpec and DirectSpec+ as modules: ``z = balancer(x)`` in anybody's training loop."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from fullrank.spectrum.allpass import largest_safe_alpha, warn_unsafe
from fullrank.spectrum.functions import direct_spec, direct_spec_plus
from fullrank.spectrum.repeats import checked_weights, occurrence_weights
from fullrank.spectrum.rows import at_least_float32, unit_rows, without_autocast
from fullrank.spectrum.tau import AttentionTau, graph_tau

Precision = Literal["float32", "bfloat16"]


def shrink_rows(z: Tensor, shrink: float) -> Tensor:
    """``shrink · ‖z‖ · z`` for each row, as the published runs rescale; 0 leaves rows alone.

    Shapes: ``z`` (..., B, d); returns the same.
    """
    if not shrink:
        return z
    norm: Tensor = torch.linalg.vector_norm(z, dim=-1, keepdim=True)
    return shrink * norm * z


class DirectSpec(nn.Module):
    """Balances a batch of embeddings of one side: ``Z = H - α H HᵀH`` on its unit rows.

    Args:
        alpha: Step α > 0; safe up to ``1 / σ₁²`` of the unit rows of a batch.
        shrink: Factor of the rescaling ``shrink · ‖z‖ · z`` afterwards; 0 for none.
        distinct: Take a row that the batch repeats once, as the paper's sums over users and over
            items do; else each occurrence counts, as in the published program, and a repeated row
            is pushed away from its own copies.

    Call it with raw rows (..., B, d), one batch of users or of items (repeated rows are fine), use
    what it returns in the loss, and let the gradient flow back. With ``distinct``, say whose rows
    they are: ``idx`` (..., B), equal where rows are the same one. bfloat16 and float16 rows are
    balanced in float32 and returned in their own type; autocast does not reach the products.
    Balancing belongs to training: after ``eval()`` rows are returned as they came.

    Warns:
        RuntimeWarning: once, where a batch has ``1 - α σ₁² < 0``. Batches are looked at ever more
            rarely (calls 1, 2, 4, 8, …), so the check costs nothing in a long run. Under
            ``torch.compile`` no batch is looked at, for a check would break the graph.

    Raises:
        ValueError: ``alpha`` or ``shrink`` is below zero or not finite; ``idx`` is missing where
            ``distinct`` is set, or given where it is not.

    Source: DirectSpec, algorithm 2.
    """

    def __init__(self, alpha: float, shrink: float = 0.0, distinct: bool = False) -> None:
        super().__init__()
        _check("DirectSpec", alpha=alpha, shrink=shrink)
        self.alpha = alpha
        self.shrink = shrink
        self.distinct = distinct
        self._calls = 0
        self._warned = False

    def forward(self, x: Tensor, idx: Tensor | None = None) -> Tensor:
        """Shapes: ``x`` (..., B, d), ``idx`` (..., B) whole numbers; returns like ``x``."""
        if not self.training:
            return x
        with without_autocast(x):
            h = unit_rows(at_least_float32(x))
            weight = checked_weights(type(self).__name__, self.distinct, idx, h)
            if not torch.compiler.is_compiling():
                self._guard(h, weight)
            return shrink_rows(direct_spec(h, self.alpha, weight), self.shrink).to(x.dtype)

    def watch(self, x: Tensor, idx: Tensor) -> None:
        """Counts a batch of raw rows that is balanced elsewhere, and warns as `forward` does."""
        with without_autocast(x):
            h = unit_rows(at_least_float32(x))
            self._guard(h, occurrence_weights(idx, h.dtype) if self.distinct else None)

    def _guard(self, h: Tensor, weight: Tensor | None) -> None:
        self._calls += 1
        if self._warned or self._calls & (self._calls - 1) or not h.numel():
            return
        if h.is_cuda and torch.cuda.is_current_stream_capturing():
            return  # a check waits for the device, which a CUDA graph cannot
        h = h.detach()
        covariance = (h.mT @ (h if weight is None else h * weight.unsqueeze(-1))).double()
        if not covariance.isfinite().all():
            return  # a run that diverged is for the loss to tell, not for the eigenvalue solver
        largest = torch.linalg.eigvalsh(covariance)[..., -1].max()
        safe = largest_safe_alpha(largest.sqrt().item())
        if self.alpha > safe:
            self._warned = True
            warn_unsafe(self.alpha, safe, type(self).__name__)

    def extra_repr(self) -> str:
        """The settings, for ``repr``."""
        return f"alpha={self.alpha}, shrink={self.shrink}" + _shown(self.distinct)


def _check(name: str, **values: float) -> None:
    for each, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name}: found {each} = {value}; expected a number of 0 or more")


def _shown(distinct: bool) -> str:
    return ", distinct=True" if distinct else ""


class DirectSpecPlus(nn.Module):
    """Balances a batch with self-paced weights: ``Z = H - α softmax(Γ ⊙ HHᵀ) H`` on unit rows.

    Args:
        alpha: Step α > 0. The rows of the softmax sum to one, so α ≤ 1 keeps every factor of the
            filter at zero or above.
        tau: Γ for all pairs, or for those that are far apart (the paper's τ₁) if ``tau_near`` is
            given, or a module that makes Γ of the unit rows (`AttentionTau`).
        tau_near: Γ for pairs that are near on the graph (τ₀ ≤ τ₁); the caller says which these are.
        shrink: Factor of the rescaling ``shrink · ‖z‖ · z`` afterwards; 0 for none.
        precision: ``float32``, or ``bfloat16`` for the five B × B × d products alone; everything
            between them stays as it is.
        distinct: Take a row that the batch repeats once: see `DirectSpec`.

    Call it like `DirectSpec`, with ``near`` (..., B, B) bool where ``tau_near`` is set, and with
    ``idx`` where ``distinct`` is.

    Raises:
        ValueError: a number is below zero or not finite, ``tau_near`` above ``tau``, or
            ``precision`` none of the two; ``near`` is missing where ``tau_near`` is set, or given
            where it is not; the same of ``idx`` and ``distinct``.

    Source: DirectSpec, equations 21 and 22.
    """

    def __init__(
        self,
        alpha: float,
        tau: float | AttentionTau,
        tau_near: float | None = None,
        shrink: float = 0.0,
        precision: Precision = "float32",
        distinct: bool = False,
    ) -> None:
        super().__init__()
        _check("DirectSpecPlus", alpha=alpha, shrink=shrink)
        if precision not in get_args(Precision):
            expected = " or ".join(get_args(Precision))
            raise ValueError(
                f"DirectSpecPlus: found precision = {precision!r}; expected {expected}"
            )
        if not isinstance(tau, nn.Module):
            _check("DirectSpecPlus", tau=tau)
            if tau_near is not None:
                _check("DirectSpecPlus", tau_near=tau_near)
                if tau_near > tau:
                    found = f"tau_near = {tau_near}"
                    raise ValueError(f"DirectSpecPlus: found {found}; expected at most tau, {tau}")
        self.alpha: float | Tensor = alpha
        self.tau = tau
        self.tau_near = tau_near
        self.shrink = shrink
        self.precision = precision
        self.distinct = distinct

    def forward(self, x: Tensor, near: Tensor | None = None, idx: Tensor | None = None) -> Tensor:
        """Shapes: ``x`` (..., B, d), ``near`` (..., B, B) bool, ``idx`` (..., B); like ``x``."""
        if not self.training:
            return x
        if (near is None) != (self.tau_near is None):
            found = "no near pairs" if near is None else "near pairs"
            raise ValueError(f"DirectSpecPlus: found {found} with tau_near = {self.tau_near}")
        with without_autocast(x):
            h = unit_rows(at_least_float32(x))
            z = direct_spec_plus(
                h,
                self._gamma(h, near),
                self.alpha,
                rounded=self.precision == "bfloat16",
                row_weight=checked_weights("DirectSpecPlus", self.distinct, idx, h),
            )
            return shrink_rows(z, self.shrink).to(x.dtype)

    def _gamma(self, h: Tensor, near: Tensor | None) -> Tensor | float:
        if isinstance(self.tau, nn.Module):
            gamma: Tensor = self.tau(h)
            return gamma
        if near is None or self.tau_near is None:
            return self.tau
        return graph_tau(near, self.tau_near, self.tau, h.dtype)

    def extra_repr(self) -> str:
        """The settings, for ``repr``."""
        tau = "" if isinstance(self.tau, nn.Module) else f"tau={self.tau}, "
        shown = f"alpha={self.alpha}, {tau}tau_near={self.tau_near}, shrink={self.shrink}"
        return shown + _shown(self.distinct)
