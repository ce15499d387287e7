"""Sums into rows of a table, with the same bits each time."""

from __future__ import annotations

from torch import Tensor

FEW = 1024
"""Rows up to which a GPU compares each with each faster than it sorts them."""


def add_rows(table: Tensor, rows: Tensor, added: Tensor, scale: float = 1.0) -> Tensor:
    """``table[rows] += scale * added`` in place; a repeated row gets the sum.

    ``index_add_`` of a GPU takes the repeated rows in any order, and another order has other last
    digits. So it makes the sums first, as a product with the matrix of which rows are the same, or
    sorts the rows where they are many. All shapes are those of the arguments, as a CUDA graph
    needs.

    Args:
        table: (n, d)
        rows: (k,) int64
        added: (k, d)
        scale: Factor of all of ``added``.

    Returns:
        ``table``.
    """
    if not table.is_cuda:
        return table.index_add_(0, rows, added, alpha=scale)
    way = by_product if len(rows) <= FEW else by_sorting
    return way(table, rows, added, scale)


def by_product(table: Tensor, rows: Tensor, added: Tensor, scale: float) -> Tensor:
    """As `add_rows`: each occurrence of a row writes the same numbers."""
    same = (rows[:, None] == rows).to(added.dtype)
    sums = table.index_select(0, rows).add_(same @ added, alpha=scale)
    return table.index_copy_(0, rows, sums)


def by_sorting(table: Tensor, rows: Tensor, added: Tensor, scale: float) -> Tensor:
    """As `add_rows`: torch sorts the rows where it accumulates."""
    return table.index_put_((rows,), added * scale, accumulate=True)
