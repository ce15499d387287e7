"""The diagnosis of an embedding table: its spectrum beside that of a random one, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fullrank.spectrum.measure import (
    Where,
    counted_rows,
    effective_rank,
    entropy_rank,
    gram,
    singular_values,
)
from fullrank.spectrum.moments import Moments, eigenvalues
from fullrank.spectrum.pairs import cosines
from fullrank.spectrum.survey import Survey

BALANCED, PARTIAL = 0.9, 0.5
"""Shares of a random table's effective rank from which a spectrum counts as balanced, or as partly
collapsed; below the second it counts as collapsed."""


@dataclass(frozen=True)
class Spectrum:
    """The singular values of a table and what they mean.

    Attributes:
        shape: Rows and columns of the (stacked) table; of the rows that count.
        singular_values: Largest first, float64.
        effective_rank: Dimensions in use, equation 3 of the paper.
        random_effective_rank: The same figure of a random Gaussian table of this shape.
        dimensions_for_90_percent: Fewest directions that hold 90 % of the squared length.
        mean_squared_cosine: Mean of (h_uᵀ h_v)² over pairs of different rows; 1 / d when random.
        rows_without: Rows without interactions, which are in no other figure but the next.
        effective_rank_all_rows: Over every row, trained or not.
    """

    shape: tuple[int, int]
    singular_values: Tensor
    effective_rank: float
    random_effective_rank: float
    dimensions_for_90_percent: int
    mean_squared_cosine: float
    rows_without: int
    effective_rank_all_rows: float

    @classmethod
    def of(cls, *tables: Tensor, where: Where = None) -> Spectrum:
        """Measures one table, or several stacked: ``Spectrum.of(users, items)``.

        Args:
            tables: What is measured.
            where: Which rows have interactions; all count if absent.

        Raises:
            ValueError: a table is not 2-dimensional, has a value that is not finite, or there are
                fewer than two columns or fewer rows than columns, where a rank says little; the
                tables are of several widths, or ``where`` is not a bool mask for each.
        """
        shape = _checked(tables, where)
        unit = gram(*tables, unit=True, where=where)
        # Pairs of a row with itself are taken off: one for each row that has a direction.
        squared = (unit.square().sum() - unit.diagonal().sum()).item()
        squared /= shape[0] * (shape[0] - 1)
        values = singular_values(*tables, where=where)
        without = sum(map(len, tables)) - shape[0]
        every = effective_rank(*tables) if without else entropy_rank(values)
        return cls._with(shape, values, squared, without, every)

    @classmethod
    def of_survey(cls, survey: Survey) -> Spectrum:
        """That of the rows that a pass over a table has taken in.

        Raises:
            ValueError: as in `of`, but for what a pass has refused already.
        """
        shape = check_shape(survey.count, survey.width)
        gram = Moments.sum(survey.raw).gram
        every = entropy_rank(eigenvalues(gram + survey.left.gram).sqrt())
        squared = cosines(Moments.sum(survey.unit))[1]
        without = survey.rows - survey.count
        return cls._with(shape, eigenvalues(gram).sqrt(), squared, without, every)

    @classmethod
    def _with(
        cls,
        shape: tuple[int, int],
        values: Tensor,
        mean_squared_cosine: float,
        without: int,
        of_every_row: float,
    ) -> Spectrum:
        energy = values.square().cumsum(0)
        return cls(
            shape=shape,
            singular_values=values,
            effective_rank=entropy_rank(values),
            random_effective_rank=entropy_rank(random_singular_values(*shape)),
            dimensions_for_90_percent=int((energy < 0.9 * energy[-1]).sum().item()) + 1,
            mean_squared_cosine=mean_squared_cosine,
            rows_without=without,
            effective_rank_all_rows=of_every_row,
        )

    @property
    def share(self) -> float:
        """Effective rank as a share of the random table's."""
        return self.effective_rank / self.random_effective_rank

    @property
    def verdict(self) -> str:
        """One sentence: how many dimensions are in use, and whether that is a collapse."""
        used = (
            f"uses {self.effective_rank:.1f} of its {self.shape[1]} dimensions "
            f"(a random table of this shape: {self.random_effective_rank:.1f})"
        )
        if not self.effective_rank:
            return "Collapsed: every row is zero, or so small that its squares are."
        if self.share >= BALANCED:
            return f"Balanced: the table {used}."
        if self.share >= PARTIAL:
            return f"Partly collapsed: the table {used}."
        return f"Collapsed: the table {used}."

    @property
    def beside(self) -> str:
        """One sentence about rows without interactions; empty where there are none."""
        if not self.rows_without:
            return ""
        count = f"{self.rows_without:,} row" + ("s" if self.rows_without > 1 else "")
        every = f"{self.effective_rank_all_rows:.1f} over all rows"
        return f"Not counted: {count} without interactions ({every})."

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "rows": self.shape[0],
            "dimensions": self.shape[1],
            "effective_rank": self.effective_rank,
            "random_effective_rank": self.random_effective_rank,
            "share_of_random": self.share,
            "dimensions_for_90_percent": self.dimensions_for_90_percent,
            "mean_squared_cosine": self.mean_squared_cosine,
            "rows_without_interactions": self.rows_without,
            "effective_rank_all_rows": self.effective_rank_all_rows,
            "verdict": self.verdict,
            "singular_values": self.singular_values.tolist(),
        }


def random_singular_values(n: int, d: int, seed: int = 0) -> Tensor:
    """Singular values of one n × d table of standard normal entries, without making the table.

    By Bartlett's decomposition XᵀX = A Aᵀ, with A lower triangular, χ-distributed on its diagonal
    and normal below, so the cost is O(d³) whatever n is.

    Shapes: returns (min(n, d),) float64, largest first.
    """
    tall, wide = max(n, d), min(n, d)
    generator = torch.Generator().manual_seed(seed)
    degrees = torch.arange(tall, tall - wide, -1, dtype=torch.float64)
    factor = torch.randn(wide, wide, dtype=torch.float64, generator=generator).tril(-1)
    # A chi-square with many degrees is close to normal, but small ones are not: gamma is exact.
    chi = torch._standard_gamma(degrees / 2, generator=generator).mul(2).sqrt()
    values: Tensor = torch.linalg.svdvals(factor + torch.diag(chi))
    return values


def _checked(tables: tuple[Tensor, ...], where: Where) -> tuple[int, int]:
    for table in tables:
        if table.ndim != 2:
            raise ValueError(f"embedding table: found {table.ndim} dimensions; expected 2")
        finite = table.isfinite().all(dim=1)
        if not finite.all():
            row = int((~finite).int().argmax())
            raise ValueError(f"embedding table, row {row}: found NaN or infinity; expected numbers")
    return check_shape(counted_rows(tables, where), tables[0].shape[1])


def check_shape(rows: int, width: int) -> tuple[int, int]:
    """Rows and columns of a table that has a spectrum worth the name.

    Raises:
        ValueError: there are fewer than two columns, or fewer rows than columns.
    """
    if width < 2:
        raise ValueError(f"embedding table: found {width} column; expected at least two")
    if rows < width:
        raise ValueError(
            f"embedding table: found {rows} rows and {width} columns; "
            "expected at least as many rows as columns (is it transposed?)"
        )
    return rows, width
