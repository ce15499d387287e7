"""Unit rows, the form in which embeddings are balanced and compared."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

NO_ROW = 1e-12
"""Norm up to which a row counts as zero: the square of its inverse must fit in float32."""


def unit_rows(x: Tensor) -> Tensor:
    """``h = x / ||x||`` for each row.

    A row shorter than `NO_ROW` stays as it is, so that its gradient stays finite. The second
    derivative at a zero row is NaN, as that of ``torch.nn.functional.normalize`` is.

    Shapes: ``x`` (..., B, d); returns the same. The norm of bfloat16 and float16 rows is taken in
    float32: that of a row of float16 can be more than float16 holds.
    """
    wide = at_least_float32(x)
    norm: Tensor = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
    return (wide / torch.where(norm > NO_ROW, norm, 1)).to(x.dtype)


def to_power(x: Tensor, power: float, length: float | None = None) -> Tensor:
    """``x · (‖x‖ / length)^(power - 1)`` for each row: its direction, its length to a power.

    Rows up to `NO_ROW` long stay as they are, as all rows do with a power of 1.

    Args:
        x: (n, d) rows.
        power: 1 for the rows as they are, 0 for rows of one length.
        length: The length that stays; the root of the mean square of all lengths if absent.
    """
    if power == 1:
        return x
    norm: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    if length is None:
        length = norm.double().square().mean().sqrt().item()
    relative = norm / length if length > NO_ROW else norm
    return x * torch.where(norm > NO_ROW, relative, 1) ** (power - 1)


def at_least_float32(x: Tensor) -> Tensor:
    """``x``, in float32 if its own type is narrower: spectra do not survive bfloat16 sums."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """A context in which products on the device of ``x`` keep the type of their factors.

    Autocast would take the products of a spectrum in bfloat16 or float16, in the forward pass and
    not in the backward pass, or the other way round, depending on where ``backward`` is called.
    """
    kind = x.device.type
    if not torch.amp.is_autocast_available(kind):
        return nullcontext()
    # A compiled backward pass is traced where autocast is off, and runs where it may be on.
    if torch.compiler.is_compiling() or torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()
