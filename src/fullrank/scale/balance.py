"""The filters of DirectSpec and DirectSpec+ on a batch whose rows lie with many workers.

Pure functions of a worker's own rows; the collectives are those of `fullrank.scale.gathering`.
"""

from __future__ import annotations

import torch
from torch import Tensor


def direct_spec_rows(h: Tensor, gram: Tensor, alpha: float) -> Tensor:
    """``Z = H - α H C`` for own rows, C the Gram matrix of the whole batch.

    Shapes: ``h`` (2, b, d), ``gram`` (2, d, d); returns like ``h``.
    Source: DirectSpec, algorithm 2.
    """
    return h - alpha * (h @ gram)


def direct_spec_plus_rows(
    h: Tensor, batch: Tensor, alpha: float, tau: float, row_weight: Tensor | None
) -> Tensor:
    """``Z = H - α softmax(τ H Ĥᵀ + 1 (ln w)ᵀ) Ĥ`` for own rows H, Ĥ those of the whole batch.

    Shapes: ``h`` (2, b, d), ``batch`` (2, B, d), ``row_weight`` (2, B) or None; returns like ``h``.
    Source: DirectSpec, equation 22.
    """
    scores = tau * (h @ batch.mT)
    if row_weight is not None:
        scores = scores + row_weight.log().unsqueeze(-2)
    return h - alpha * (torch.softmax(scores, dim=-1) @ batch)
