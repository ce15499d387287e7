"""BSPM: histories blurred over the item graph, then sharpened, both by an ODE in a few steps."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.methods.closed_form import filtering
from fullrank.methods.closed_form.popular import POPULARITY, ByPopularity
from fullrank.methods.space import Span
from fullrank.serving.filter_scorer import FilterScorer, coefficients_of

TERMS = {"euler": 1, "rk4": 4}
"""Terms of the exponential series that a step of each solver has, beside the first."""


class BSPM(ByPopularity):
    """A blurring and a sharpening process."""

    name = "bspm"
    summary = "histories blurred over the item graph, then sharpened, by an ODE in a few steps"
    source = "Choi et al., SIGIR 2023"
    space = {
        "rank": (None, 128, 256, 448),
        "alpha": Span(0.03, 1.0, log=True),
        "sharpening": Span(0.3, 4.0),
        "merge": ("early", "late"),
        "popularity": POPULARITY,
    }

    rank: int | None = Field(default=None, ge=1, lt=2**31)
    """Singular pairs of the ideal low-pass filter; if absent, by the size of the data."""
    alpha: float = Field(default=0.2, ge=0)
    """Weight of the ideal low-pass filter (β in the paper)."""
    blurring: float = Field(default=1.0, gt=0)
    """Time T_b of blurring."""
    blurring_steps: int = Field(default=1, ge=1, le=16)
    """Euler steps K_b of blurring."""
    sharpening: float = Field(default=2.5, ge=0)
    """Time T_s of sharpening; 0 for none."""
    sharpening_steps: int = Field(default=1, ge=1, le=16)
    """Steps K_s of sharpening."""
    solver: Literal["euler", "rk4"] = "rk4"
    """Solver of sharpening."""
    merge: Literal["early", "late"] = "early"
    """Add the low-pass filter before sharpening (EM), or after it (LM)."""
    average: bool = False
    """Score by the mean of all states after the first, and not by the last."""

    def largest(self, data: Interactions) -> dict[str, int]:
        """Singular pairs that there are."""
        return filtering.bounded(data, self.rank)

    @property
    def uses_weights(self) -> bool:
        """X holds them, and degrees are their sums."""
        return True

    def solve(self, data: Interactions, device: str) -> FilterScorer:
        """Blurring ``Ḃ = B (P - I)``, sharpening ``Ḃ = -B P``, with ``P = R̃ᵀR̃``.

        On one P both processes are polynomials of it. The low-pass filter is
        ``X D_i^-½ V Vᵀ D_i^½``; merged early, it is sharpened as the blurred histories are.
        """
        del device
        matrix = filtering.scaled(data, 0.5, 0.5).astype(np.float32)
        whole, late = self.polynomials()
        ones = np.ones((2, data.n_items), dtype=np.float32)
        low = filtering.no_projection(data.n_items)
        if self.alpha:
            rank = filtering.rank_for(data, self.rank, most=448)
            vectors = filtering.item_vectors(matrix, rank, self.seed)
            low = filtering.projection(vectors, filtering.degrees(data, -0.5))
            through = FilterScorer(data, matrix, _coefficients(late), ones, low)
            low[1] = self.alpha * through.filtered(low[1])
        scorer = FilterScorer(data, matrix, _coefficients(whole), ones, low)
        return self.weighed(scorer, data)

    def polynomials(self) -> tuple[Polynomial, Polynomial]:
        """What happens to histories, and to what the low-pass filter gives, in powers of P."""
        blurred = _states(Polynomial([-1, 1]), self.blurring, self.blurring_steps, 1)
        sharp = [Polynomial([1.0])]
        if self.sharpening:
            terms = TERMS[self.solver]
            sharp += _states(Polynomial([0, -1]), self.sharpening, self.sharpening_steps, terms)
        one = Polynomial([1.0])
        states = [*blurred, *(blurred[-1] * each for each in sharp[1:])]
        merged = [0 * one] * len(blurred) + sharp[1:] if self.merge == "early" else []
        if self.average:
            whole = sum(states[1:], states[0]) / len(states)
            after = sum(merged[1:], merged[0]) / len(states) if merged else one
        else:
            whole, after = states[-1], merged[-1] if merged else one
        return whole, after if self.sharpening else one


def _states(rate: Polynomial, time: float, steps: int, terms: int) -> list[Polynomial]:
    """The states of ``Ḃ = B rate(P)`` from B = I after each step, in powers of P.

    A step of size h multiplies by ``Σ_k (h rate)^k / k!`` up to the solver's order.
    """
    step = term = Polynomial([1.0])
    for k in range(1, terms + 1):
        term = term * rate * (time / steps / k)
        step = step + term
    states, state = [], Polynomial([1.0])
    for _ in range(steps):
        state = state * step
        states.append(state)
    return states


def _coefficients(polynomial: Polynomial) -> NDArray[np.float64]:
    """As the scorer takes them."""
    return coefficients_of(np.asarray(polynomial.coef, dtype=np.float64))
