"""Sums over the rows of a table from which its spectrum follows, raw and centred."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

T_7 = 2.364624251592785
"""The .975 quantile of Student's t with 7 degrees of freedom."""
GROUPS = 8
"""Groups that rows are dealt to; 7 contrasts of four against four are orthogonal to each other."""

PANEL = 256
"""Columns of a Gram matrix that are computed at a time: of many, about half the work is saved."""


class Moments:
    """Number, sum and Gram matrix of some rows, float64; they add up over parts of a table.

    Args:
        width: Columns d of the table.
    """

    def __init__(self, width: int) -> None:
        self.count = 0
        self.total = torch.zeros(width, dtype=torch.float64)
        self._upper = torch.zeros(width, width, dtype=torch.float64)

    def add(self, rows: Tensor) -> None:
        """Takes (b, d) float64 rows in."""
        self.count += len(rows)
        self.total += rows.sum(dim=0)
        for first in range(
            0, rows.shape[1], PANEL
        ):  # what lies below the diagonal is a mirror image
            panel = slice(first, first + PANEL)
            self._upper[panel, first:].addmm_(rows[:, panel].T, rows[:, first:])

    @classmethod
    def sum(cls, parts: Sequence[Moments]) -> Moments:
        """Those of all the rows of one part or more."""
        whole = cls(len(parts[0].total))
        for part in parts:
            whole.count += part.count
            whole.total += part.total
            whole._upper += part._upper
        return whole

    @property
    def gram(self) -> Tensor:
        """(d, d) ``Σ x xᵀ``; a copy."""
        return self._upper.triu() + self._upper.triu(1).T

    @property
    def mean(self) -> Tensor:
        """(d,) mean row; zeros where there is no row."""
        return self.total / max(self.count, 1)

    def centred_gram(self) -> Tensor:
        """``Σ (x - mean)(x - mean)ᵀ``, (d, d)."""
        return self.gram - torch.outer(self.total, self.mean)


def eigenvalues(gram: Tensor, rounding_of: Tensor | None = None) -> Tensor:
    """Eigenvalues of a Gram matrix, largest first; rounding error of a zero is made a zero.

    Sums in float64 leave about ``d · 2⁻⁵² λ₁`` in the place of a zero. Its root would count as a
    direction in every sum of singular values, so what lies below that is zero: singular values
    under 1e-7 of σ₁ are not told from none.

    Args:
        gram: (d, d)
        rounding_of: The matrix that ``gram`` was made of by a difference, with its rounding error.

    Returns:
        (d,) float64.
    """
    values: Tensor = torch.linalg.eigvalsh(_finite(gram)).clamp_min(0).flip(0)
    largest = values[0] if rounding_of is None else rounding_of.diagonal().sum()
    return torch.where(values > len(values) * torch.finfo(torch.float64).eps * largest, values, 0)


def leading_direction(gram: Tensor) -> Tensor:
    """(d,) unit vector: the right singular vector of the largest singular value."""
    vector: Tensor = torch.linalg.eigh(_finite(gram)).eigenvectors[:, -1]
    return vector


def half_interval(
    groups: Sequence[Moments], figure: Callable[[Moments], float]
) -> tuple[float, float] | None:
    """A 95 % interval of a figure, from halves of the rows.

    With rows dealt at random to eight groups, each of the seven orthogonal contrasts sets four
    groups against the other four. Half the difference of a figure between the two halves varies as
    the figure of the whole does, and the bias that a figure has on fewer rows cancels in it. The
    mean of their squares has seven degrees of freedom.

    Args:
        groups: Eight, of rows dealt at random.
        figure: A number of some rows.

    Returns:
        Lower and upper end; None where a half has no more rows than columns, for a rank of so few
        says more of their number than of the table.

    Source: McCarthy 1969, balanced half-samples.
    """
    whole = Moments.sum(groups)
    if len(groups) != GROUPS or whole.count < 2 * GROUPS + 2 * len(whole.total):
        return None
    squares = 0.0
    for contrast in range(1, GROUPS):
        # Row `contrast` of the Hadamard matrix of order 8: the sign is the parity of common bits.
        signs = [(contrast & slot).bit_count() % 2 for slot in range(GROUPS)]
        left, right = (
            figure(
                Moments.sum([group for group, sign in zip(groups, signs, strict=True) if sign == k])
            )
            for k in (0, 1)
        )
        squares += ((left - right) / 2) ** 2
    margin = T_7 * (squares / (GROUPS - 1)) ** 0.5
    middle = figure(whole)
    return middle - margin, middle + margin


def _finite(matrix: Tensor) -> Tensor:
    if not matrix.isfinite().all():
        raise ValueError("embedding table: found NaN or infinity; expected finite numbers")
    return matrix
