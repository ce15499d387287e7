"""A table of embeddings that is read a block of rows at a time, wherever it lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fullrank.errors import DataError

BLOCK_BYTES = 2**25
"""Bytes of a block of rows in float64: a pass holds several copies of one."""


@dataclass(frozen=True)
class Table:
    """Rows that can be read again and again, from the first to the last.

    Attributes:
        name: What its file or model calls it; nothing where there is but one.
        rows: Number of rows.
        width: Columns d.
        read: Blocks of up to so many rows each, (b, d) of any real type, in order.
    """

    name: str
    rows: int
    width: int
    read: Callable[[int], Iterator[Tensor]]

    @classmethod
    def of(cls, tensor: Tensor, name: str = "") -> Table:
        """A (rows, width) tensor as a table; not a copy."""

        def read(most: int) -> Iterator[Tensor]:
            for first in range(0, len(tensor), most):
                yield tensor[first : first + most]

        return cls(name, tensor.shape[0], tensor.shape[1], read)

    @classmethod
    def sliced(cls, name: str, shape: tuple[int, int], part: Callable[[int, int], Tensor]) -> Table:
        """A table of which any run of rows can be had: ``part(first, end)``."""

        def read(most: int) -> Iterator[Tensor]:
            for first in range(0, shape[0], most):
                yield part(first, min(first + most, shape[0]))

        return cls(name, *shape, read)

    def blocks(self) -> Iterator[Tensor]:
        """All rows in order, in blocks that are small whatever the width."""
        return self.read(max(1, min(2**16, BLOCK_BYTES // (8 * max(self.width, 1)))))

    def whole(self) -> Tensor:
        """(rows, width) float32, in memory."""
        return torch.cat([block.float() for block in self.blocks()])


def numeric(path: Path, array: Any) -> Tensor:
    """An array of real numbers as a tensor, its width in bits kept where torch knows it.

    Raises:
        DataError: they are no real numbers.
    """
    check_real(path, array.dtype)
    if not np.issubdtype(array.dtype, np.floating) or array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    return torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))))


def check_real(path: Path, kind: Any) -> None:
    """Refuses text, dates, objects and complex numbers, by the NumPy type of them."""
    if not np.issubdtype(kind, np.number) or np.issubdtype(kind, np.complexfloating):
        raise DataError(str(path), f"values of type {kind}", "real numbers")


def two_dimensional(path: Path, shape: tuple[int, ...]) -> tuple[int, int]:
    """The shape of a table.

    Raises:
        DataError: it is of another number of dimensions.
    """
    if len(shape) != 2:
        raise DataError(str(path), f"{len(shape)} dimensions", "2")
    return shape[0], shape[1]
