"""One pass over the rows of a table, block by block, that keeps what every figure is made of.

Nothing is kept for each row but a permutation and a hash, 16 bytes together, so a table of any
length is surveyed in the memory of a few d × d matrices and one block.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fullrank.spectrum.moments import GROUPS, Moments
from fullrank.spectrum.rows import unit_rows

SAMPLE = 4096
"""Rows of the random sample for figures of pairs; a table with no more is taken whole."""
WIDEST = 2048
"""Columns up to which Gram matrices of eight groups are kept, for intervals: 512 MiB there."""


class Survey:
    """What one pass over a table finds; call `add` with its rows in order, to the last.

    Args:
        rows: How many rows will come.
        width: Columns d.
        counts: (rows,) interactions of each row, where they are known. Rows without any were never
            trained, so they are in no figure but `left`.
        seed: Of the sample and of the groups.

    Attributes:
        raw: `Moments` of random groups of the rows, as they are.
        unit: The same of unit rows.
        left: Of the rows without interactions.
        zero_rows: Rows of zeros.
        lowest: (d,) smallest value of each column.
        highest: (d,) largest value of each column.
    """

    def __init__(self, rows: int, width: int, counts: Tensor | None = None, seed: int = 0) -> None:
        self.rows, self.width = rows, width
        self._counts = counts
        kept = rows if counts is None else int((counts > 0).sum())
        generator = torch.Generator().manual_seed(seed)
        self._order = torch.randperm(kept, generator=generator).int()
        self._mix = torch.randint(-(2**62), 2**62, (width,), generator=generator) | 1
        groups = GROUPS if width <= WIDEST else 1
        self.raw = [Moments(width) for _ in range(groups)]
        self.unit = [Moments(width) for _ in range(groups)]
        self.left = Moments(width)
        self.zero_rows = 0
        self.lowest = torch.full((width,), torch.inf, dtype=torch.float64)
        self.highest = -self.lowest
        self.norms = Weighted(width)
        self.popularity = None if counts is None else Weighted(width)
        self._seen, self._taken = 0, 0
        self._sample = torch.zeros(min(kept, SAMPLE), width, dtype=torch.float64)
        self._hashes = torch.zeros(kept, dtype=torch.int64)

    @property
    def count(self) -> int:
        """Rows that the figures are of: all, or those with interactions."""
        return len(self._order)

    @property
    def sample(self) -> Tensor:
        """(min(count, SAMPLE), d) rows drawn without replacement, in random order."""
        return self._sample

    @property
    def duplicate_rows(self) -> int:
        """Rows that are the same as an earlier one, zero rows among them, by a 64-bit hash."""
        ordered = self._hashes.sort().values
        return int((ordered[1:] == ordered[:-1]).sum())

    def add(self, block: Tensor) -> None:
        """Takes the next rows, (b, d) of any real type.

        Raises:
            ValueError: a value is not finite; the message has the row's number.
        """
        first, rows = self._seen, block.detach().double()
        self._seen += len(rows)
        finite = rows.isfinite().all(dim=1)
        if not finite.all():
            row = first + int((~finite).int().argmax())
            raise ValueError(f"embedding table, row {row}: found NaN or infinity; expected numbers")
        counts = None
        if self._counts is not None:
            counts = self._counts[first : self._seen].double()
            there = counts > 0
            self.left.add(rows[~there])
            rows, counts = rows[there], counts[there]
        if len(rows):
            self._take(rows, counts)

    def _take(self, rows: Tensor, counts: Tensor | None) -> None:
        span = slice(self._taken, self._taken + len(rows))
        self._taken = span.stop
        self._hashes[span] = hashes(rows, self._mix)
        self.zero_rows += int((rows == 0).all(dim=1).sum())
        self.lowest = torch.minimum(self.lowest, rows.amin(dim=0))
        self.highest = torch.maximum(self.highest, rows.amax(dim=0))
        self.norms.add(rows, torch.linalg.vector_norm(rows, dim=1))
        if self.popularity is not None and counts is not None:
            self.popularity.add(rows, counts.log())
        order = self._order[span].long()
        sampled = order < len(self._sample)
        self._sample[order[sampled]] = rows[sampled]
        group = order % len(self.raw)
        sizes = group.bincount(minlength=len(self.raw)).tolist()
        rows = rows[group.argsort(stable=True)]
        for kind, dealt in ((self.raw, rows), (self.unit, unit_rows(rows))):
            first = 0
            for moments, size in zip(kind, sizes, strict=True):
                moments.add(dealt[first : first + size])
                first += size


class Weighted:
    """Sums of rows weighted by a number g of each: what g explains of any direction.

    Args:
        width: Columns d of the rows.
    """

    def __init__(self, width: int) -> None:
        self.count = 0
        self.total = 0.0
        self.square = 0.0
        self.rows = torch.zeros(width, dtype=torch.float64)
        self.weighted = torch.zeros(width, dtype=torch.float64)

    def add(self, rows: Tensor, g: Tensor) -> None:
        """Takes rows (b, d) and their numbers (b,)."""
        self.count += len(g)
        self.total += g.sum().item()
        self.square += g.square().sum().item()
        self.rows += rows.sum(dim=0)
        self.weighted += rows.T @ g

    def explained(self, direction: Tensor, square: float) -> float:
        """Share of ``Σ (x · v)²`` that the fit ``x · v ≈ a + b g`` explains, in [0, 1].

        Shapes: ``direction`` v (d,); ``square`` is that sum.
        """
        if not self.count or not square > 0:
            return 0.0
        # Roots are divided before they are squared: the squares may be more than a float holds.
        root = math.sqrt(square)
        along = (self.rows @ direction).item() / self.count
        constant = along * (math.sqrt(self.count) / root)
        middle = self.total / math.sqrt(self.count)
        spread = self.square - middle * middle
        if spread <= 1e-12 * self.square:
            return min(constant * constant, 1.0)  # g is one number
        slope = ((self.weighted @ direction).item() - self.total * along) / math.sqrt(spread) / root
        return min(constant * constant + slope * slope, 1.0)


def hashes(rows: Tensor, mix: Tensor) -> Tensor:
    """(b,) int64 hash of each float64 row (b, d); equal rows have equal ones, and 0 is -0.

    Bits are mixed before the weighted sum, for those of a number that was once float32 end in
    zeros, of which a plain sum would keep as many.
    """
    bits = (rows + 0.0).view(torch.int64) * mix
    bits ^= (bits >> 32) & 0xFFFFFFFF
    bits *= mix.flip(0)
    return bits.sum(dim=1)
