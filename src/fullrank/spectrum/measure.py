"""What the spectrum of an embedding table says: singular values and the figures made of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from fullrank.spectrum.functions import gaussian_potential
from fullrank.spectrum.rows import at_least_float32, unit_rows, without_autocast

BLOCK_ROWS = 65_536
"""Rows that are converted to float64 at a time; bounds the working memory, not the result."""

Where = Sequence[Tensor] | None
"""For each table (n_i,) bool, which of its rows count, as those that have interactions; None for
all rows."""


def gram(*tables: Tensor, unit: bool = False, where: Where = None) -> Tensor:
    """``HᵀH`` of the stacked tables in float64, from blocks of rows.

    Args:
        tables: One or more (n_i, d) tables, taken as one table of all their rows.
        unit: Whether rows are scaled to length one first.
        where: Which rows count.

    Returns:
        (d, d) float64, on the device of the tables.

    Raises:
        ValueError: as of `check_tables`.
    """
    check_tables(tables, where)
    width = tables[0].shape[1]
    total = torch.zeros(width, width, dtype=torch.float64, device=tables[0].device)
    for block in _blocks(tables, where):
        rows = unit_rows(block) if unit else block
        total.addmm_(rows.T, rows)
    return total


def check_tables(tables: Sequence[Tensor], where: Where) -> None:
    """Sees that the tables can be stacked and that the rows that count are named by masks.

    Counts of interactions in the place of masks would be taken for row numbers.

    Raises:
        ValueError: the tables are not of one width, or there is not a bool mask for each.
    """
    shapes = [tuple(table.shape) for table in tables]
    if not shapes or any(len(shape) != 2 or shape[1] != shapes[0][1] for shape in shapes):
        found = " and ".join(map(str, shapes)) or "none"
        raise ValueError(f"embedding tables: found {found}; expected (n, d), of one width d")
    if where is None:
        return
    masks = [where] if isinstance(where, Tensor) else list(where)
    found = " and ".join(_kind(mask) for mask in masks)
    wanted = [f"torch.bool of shape ({shape[0]},)" for shape in shapes]
    if isinstance(where, Tensor) or [_kind(mask) for mask in masks] != wanted:
        raise ValueError(f"where: found {found}; expected a sequence of {' and '.join(wanted)}")


def _kind(mask: object) -> str:
    if not isinstance(mask, Tensor):
        return f"a {type(mask).__name__}"
    return f"{mask.dtype} of shape {tuple(mask.shape)}"


def counted_rows(tables: Sequence[Tensor], where: Where) -> int:
    """How many rows of the tables count.

    Raises:
        ValueError: as of `check_tables`.
    """
    check_tables(tables, where)
    if where is None:
        return sum(table.shape[0] for table in tables)
    return sum(int(mask.sum()) for mask in where)


def singular_values(*tables: Tensor, where: Where = None) -> Tensor:
    """Singular values of the stacked tables, largest first.

    Tall tables go through the d × d Gram matrix in float64: within 1e-7 of σ₁ of the values that an
    SVD finds, without a copy of the table.

    Shapes: ``tables`` (n_i, d); returns (min(Σ n_i, d),) float64, of the rows that count alone.

    Raises:
        ValueError: a table holds a value that is not finite, or as of `check_tables`.
    """
    if counted_rows(tables, where) < tables[0].shape[1]:
        stacked = torch.cat(list(_blocks(tables, where)))
        values: Tensor = torch.linalg.svdvals(_finite(stacked))
        return values
    eigenvalues: Tensor = torch.linalg.eigvalsh(_finite(gram(*tables, where=where)))
    return eigenvalues.clamp_min(0).sqrt().flip(0)


def entropy_rank(values: Tensor) -> float:
    """``exp(-Σ p_k ln p_k)`` with ``p_k = σ_k / Σ σ``; 0 where every singular value is 0.

    Source: Roy & Vetterli 2007; DirectSpec, definition 1 (equation 3). The singular values enter
    as they are, not squared.
    """
    total = values.sum()
    if total == 0:
        return 0.0
    return math.exp(torch.special.entr(values.double() / total).sum().item())


def effective_rank(*tables: Tensor, where: Where = None) -> float:
    """How many dimensions the stacked tables use: between 1 and d, 0 for zero tables.

    The paper stacks the raw rows of users and items, uncentred: ``effective_rank(users, items)``.
    Rows that were never trained keep their random numbers and hide a collapse of the others:
    ``where`` leaves them out.

    >>> round(effective_rank(torch.eye(5)), 6)
    5.0
    >>> effective_rank(torch.ones(9, 5))
    1.0
    """
    return entropy_rank(singular_values(*tables, where=where))


def correlation(*tables: Tensor, where: Where = None) -> float:
    """``Σ_u Σ_v (h_uᵀ h_v)²`` over all ordered pairs of unit rows, each row with itself included.

    It equals ``||HᵀH||²`` (Frobenius), so it costs O(n d²), not O(n² d).

    Shapes: ``tables`` (n_i, d), any rows, taken as one table.
    Source: DirectSpec, equation 14; figure 11.
    """
    return gram(*tables, unit=True, where=where).square().sum().item()


def alignment(user: Tensor, item: Tensor) -> Tensor:
    """Mean squared distance of matched unit rows, ``mean ||u_b - v_b||²``.

    bfloat16 and float16 rows are taken in float32.

    Shapes: ``user``, ``item`` (B, d), unit rows; returns a scalar.
    Source: Wang & Isola, ICML 2020, equation 3 (alpha = 2).
    """
    user, item = at_least_float32(user), at_least_float32(item)
    return (user - item).square().sum(dim=1).mean()


def uniformity(x: Tensor, t: float = 2.0, block_rows: int = 2048) -> Tensor:
    """``ln mean_{u<v} exp(-t ||x_u - x_v||²)`` over distinct pairs; lower is more uniform.

    Shapes: ``x`` (n, d), unit rows, n ≥ 2; returns a scalar. Pairs are met in blocks of rows, so no
    n × n matrix is made. Source: Wang & Isola, ICML 2020, section 4.1.2.
    """
    n = x.shape[0]
    if n < 2:
        raise ValueError(f"uniformity: found {n} row; expected at least two")
    pairs = math.log(n * (n - 1) / 2)
    if n <= block_rows:
        return gaussian_potential(x, t) - pairs
    x = at_least_float32(x)
    square = x.square().sum(dim=1)
    parts = []
    for start in range(0, n - 1, block_rows):
        block = x[start : start + block_rows]
        others = x[start:]
        with without_autocast(x):
            dots = block @ others.T
        distance = square[start : start + block_rows, None] + square[start:] - 2 * dots
        later = torch.ones_like(distance, dtype=torch.bool).triu(1)
        parts.append(torch.logsumexp(-t * distance.clamp_min(0)[later], dim=0))
    return torch.logsumexp(torch.stack(parts), dim=0) - pairs


def _blocks(tables: tuple[Tensor, ...], where: Where = None) -> Iterator[Tensor]:
    for number, table in enumerate(tables):
        mask = None if where is None else where[number].to(table.device)
        for start in range(0, max(1, len(table)), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            block = table[part].detach()
            yield (block if mask is None else block[mask[part]]).double()


def _finite(matrix: Tensor) -> Tensor:
    if not matrix.isfinite().all():
        raise ValueError("embedding table: found NaN or infinity; expected finite numbers")
    return matrix
