"""Figures of collapse in the literature, each a pure function of the singular values of a table.

``values`` are singular values σ_k, float64, largest first, zeros included; ``λ_k = σ_k²``. A table
of zeros has 0 in each figure, or NaN where a figure is of a slope.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from fullrank.spectrum.measure import entropy_rank
from fullrank.spectrum.noise import noise_edge

FEWEST = 3
"""Eigenvalues above zero that a slope is fitted to at least."""


@dataclass(frozen=True)
class Figures:
    """The figures of one form of a table: its rows as they are, centred, or of unit length."""

    effective_rank: float
    effective_rank_of_squares: float
    participation_ratio: float
    stable_rank: float
    information_abundance: float
    alpha_req: float
    alpha_req_r2: float
    isoscore: float
    noise_edge: float
    above_noise: int

    @classmethod
    def of(cls, values: Tensor, rows: int) -> Figures:
        """Those of singular values (d,) of a table with so many rows."""
        edge = noise_edge(values, rows)
        above = int((values > edge).sum())
        if values[0] > 0:
            values = values / values[0]  # so that no fourth power leaves the range of float64
        slope, fit = power_law(values)
        return cls(
            effective_rank=entropy_rank(values),
            effective_rank_of_squares=entropy_rank(values.square()),
            participation_ratio=participation_ratio(values),
            stable_rank=stable_rank(values),
            information_abundance=information_abundance(values),
            alpha_req=slope,
            alpha_req_r2=fit,
            isoscore=isoscore(values),
            noise_edge=edge,
            above_noise=above,
        )

    def to_dict(self) -> dict[str, float]:
        """By name, in their order."""
        return asdict(self)


def participation_ratio(values: Tensor) -> float:
    """``(Σ λ)² / Σ λ²``: how many equal directions would spread the variance as much.

    Source: Gao et al. 2017 (of a covariance, so of centred rows).
    """
    return _ratio(values.square().sum() ** 2, values.pow(4).sum())


def stable_rank(values: Tensor) -> float:
    """``Σ λ / λ₁``, the squared Frobenius norm over the squared spectral norm.

    Source: Rudelson & Vershynin 2007.
    """
    return _ratio(values.square().sum(), values[0].square())


def information_abundance(values: Tensor) -> float:
    """``Σ σ / σ₁``. Source: Guo et al., ICML 2024, definition 1."""
    return _ratio(values.sum(), values[0])


def isoscore(values: Tensor) -> float:
    """1 where every direction has the same variance, 0 where one has all.

    The paper's steps (principal components, variances normalised to length √d, their distance from
    a vector of ones, rescaled twice) come to ``(P - 1) / (d - 1)`` with P the participation ratio;
    a test takes the steps one by one.

    Source: Rudman et al., Findings of ACL 2022, algorithm 1 (of a covariance: of centred rows).
    """
    if not values[0] > 0:
        return 0.0
    return (participation_ratio(values) - 1) / (len(values) - 1)


def power_law(values: Tensor) -> tuple[float, float]:
    """Exponent α of ``λ_k ∝ k^-α``, and the R² of the fit.

    Least squares of ln λ_k on ln k with weights 1 / k, which give each octave of ranks the same
    say, over all ranks with λ_k > 0. The paper leaves the range of ranks to be chosen; where R² is
    far from 1 the spectrum is no power law and α says nothing.

    Source: Agrawal et al., NeurIPS 2022 (α-ReQ); the weights: Stringer et al., Nature 2019.
    """
    squares = values[values > 0].square()
    if len(squares) < FEWEST:
        return math.nan, math.nan
    rank = torch.arange(1, len(squares) + 1, dtype=torch.float64)
    weight = (1 / rank) / (1 / rank).sum()
    x, y = rank.log(), squares.log()
    x, y = x - (weight * x).sum(), y - (weight * y).sum()
    xy, xx, yy = ((weight * a * b).sum().item() for a, b in ((x, y), (x, x), (y, y)))
    # A spectrum without any slope is fitted as well as can be.
    return -xy / xx, xy * xy / (xx * yy) if yy > 1e-24 else 1.0


def _ratio(above: Tensor, below: Tensor) -> float:
    return (above / below).item() if below > 0 else 0.0
