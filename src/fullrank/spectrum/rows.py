"""Unit rows, the form in which embeddings are balanced and compared."""

from __future__ import annotations

import torch
from torch import Tensor

NO_ROW = 1e-12
"""Norm up to which a row counts as zero: the square of its inverse must fit in float32."""


def unit_rows(x: Tensor) -> Tensor:
    """``h = x / ||x||`` for each row.

    A row shorter than `NO_ROW` stays as it is, so that its gradient stays finite.

    Shapes: ``x`` (..., B, d); returns the same.
    """
    norm: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return x / torch.where(norm > NO_ROW, norm, 1)


def at_least_float32(x: Tensor) -> Tensor:
    """``x``, in float32 if its own type is narrower: spectra do not survive bfloat16 sums."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
