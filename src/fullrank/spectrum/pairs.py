"""Cosines of pairs of rows and their uniformity, of rows as they are and of centred ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from torch import Tensor

from fullrank.spectrum.measure import uniformity
from fullrank.spectrum.moments import Moments
from fullrank.spectrum.rows import unit_rows


@dataclass(frozen=True)
class Pairs:
    """Figures of pairs of different rows, each scaled to length one.

    Attributes:
        mean_cosine: Mean of hᵤᵀhᵥ; 0 where directions are spread evenly around the origin.
        mean_squared_cosine: Mean of (hᵤᵀhᵥ)²; 1 / d where no direction is preferred.
        uniformity: ``ln mean exp(-2 ‖hᵤ - hᵥ‖²)``; lower is more uniform.
        rows_of_cosines: Rows whose pairs the cosines are of.
        rows_of_uniformity: Rows whose pairs the uniformity is of: a random sample, if fewer.
    """

    mean_cosine: float
    mean_squared_cosine: float
    uniformity: float
    rows_of_cosines: int
    rows_of_uniformity: int

    @classmethod
    def of(cls, unit: Moments, sample: Tensor) -> Pairs:
        """Cosines of all pairs of the rows whose unit rows `unit` sums, the rest of a sample."""
        mean, squared = cosines(unit)
        spread = uniformity(unit_rows(sample), block_rows=512).item() if len(sample) > 1 else 0.0
        return cls(mean, squared, spread, unit.count, len(sample))

    @classmethod
    def centred(cls, mean: Tensor, sample: Tensor) -> Pairs:
        """Of a sample alone, after the mean row of the whole table is taken from it.

        The mean is known when the pass is over, and so are the directions of centred rows.
        """
        rows = unit_rows(sample - mean)
        moments = Moments(rows.shape[1])
        moments.add(rows)
        return cls.of(moments, rows)

    def to_dict(self) -> dict[str, float]:
        """By name, in their order."""
        return asdict(self)


def cosines(unit: Moments) -> tuple[float, float]:
    """Mean and mean square of the cosine of two different rows, from sums of unit rows.

    ``Σᵤᵥ hᵤᵀhᵥ = ‖Σ h‖²`` and ``Σᵤᵥ (hᵤᵀhᵥ)² = ‖Σ h hᵀ‖²``, of which the pairs of a row with itself
    are taken off: one for each row that is not zero.
    Source: Ethayarajh, EMNLP 2019 (mean cosine); DirectSpec, equation 14 (its square).
    """
    pairs = unit.count * (unit.count - 1)
    if not pairs:
        return 0.0, 0.0
    own = unit.gram.diagonal().sum().item()
    mean = (unit.total.square().sum().item() - own) / pairs
    return mean, (unit.gram.square().sum().item() - own) / pairs
