"""Repeated rows of a batch: what each occurrence weighs where a row counts once."""

from __future__ import annotations

import torch
from torch import Tensor

FEW = 1024
"""Rows of a batch up to which a GPU compares each with each faster than it sorts them."""


def occurrence_weights(idx: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """``w_b = 1 / |{c : idx_c = idx_b}|``, so that the occurrences of a row weigh as much as one.

    A sum over the distinct rows of a batch is the sum of ``w_b`` times row b, and its gradient with
    respect to a row is the sum over that row's occurrences. By sorting, but by comparing each with
    each where a GPU has a small batch; the shapes do not depend on how many rows are distinct, as a
    CUDA graph needs.

    Shapes: ``idx`` (..., B) whole numbers; returns ``dtype`` of the same shape.
    """
    if idx.is_cuda and idx.shape[-1] <= FEW:
        return by_comparing(idx, dtype)
    return by_sorting(idx, dtype)


def by_comparing(idx: Tensor, dtype: torch.dtype) -> Tensor:
    """As `occurrence_weights`, in B × B comparisons."""
    return (idx.unsqueeze(-1) == idx.unsqueeze(-2)).sum(-1, dtype=dtype).reciprocal()


def by_sorting(idx: Tensor, dtype: torch.dtype) -> Tensor:
    """As `occurrence_weights`, in B log B comparisons."""
    idx = idx.contiguous()
    ordered = idx.sort(dim=-1).values
    count = torch.searchsorted(ordered, idx, right=True) - torch.searchsorted(ordered, idx)
    return count.to(dtype).reciprocal()


def checked_weights(name: str, distinct: bool, idx: Tensor | None, h: Tensor) -> Tensor | None:
    """Weights of rows ``h`` (..., B, d) for a balancer; None where each occurrence counts.

    Raises:
        ValueError: ``idx`` is missing where ``distinct`` is set, given where it is not, or of
            another shape than the rows.
    """
    if (idx is not None) != distinct:
        found = "no row numbers" if idx is None else "row numbers"
        raise ValueError(f"{name}: found {found} (idx) with distinct = {distinct}")
    if idx is None:
        return None
    if idx.shape != h.shape[:-1]:
        shapes = f"{tuple(idx.shape)}; expected {tuple(h.shape[:-1])}"
        raise ValueError(f"{name}: found idx of shape {shapes}, as the rows")
    return occurrence_weights(idx, h.dtype)
