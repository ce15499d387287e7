"""Turbo-CF: polynomials of an item graph whose entries are raised to a power."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.memory import check_memory
from fullrank.methods.closed_form import filtering, pruning
from fullrank.methods.closed_form.popular import POPULARITY, ByPopularity
from fullrank.methods.space import Span
from fullrank.serving.scorers import ItemScorer

POWERS = {1: (1.0,), 2: (2.0, -1.0), 3: (0.71, 0.1, -0.01)}
"""Coefficients of P̄, P̄², P̄³ in the filter of each order."""


class TurboCF(ByPopularity):
    """Polynomial low-pass filters without decomposition."""

    name = "turbo-cf"
    summary = "polynomials of an item graph whose entries are raised to a power"
    source = "Park et al., SIGIR 2024"
    space = {"alpha": Span(0.3, 0.8), "power": Span(0.5, 1.5), "popularity": POPULARITY}

    alpha: float = Field(default=0.6, ge=0, le=1)
    """Exponent α of the users' degrees; that of the items' is 1 - α."""
    power: float = Field(default=0.7, gt=0)
    """Exponent s of each entry of the item graph."""
    order: Literal[1, 2, 3] = 1
    """Degree of the filter: P̄, 2 P̄ - P̄², or P̄ + .01 (-P̄³ + 10 P̄² - 29 P̄). The first keeps the item
    graph sparse; those above are dense, n_items² numbers."""
    neighbours: int | None = Field(default=None, ge=1, lt=2**31)
    """Largest entries that each row of the item graph keeps; all of them if absent."""

    def largest(self, data: Interactions) -> dict[str, int]:
        """Each item has all as neighbours at most."""
        return {} if self.neighbours is None else {"neighbours": data.n_items}

    @property
    def uses_weights(self) -> bool:
        """X holds them, and degrees are their sums."""
        return True

    def solve(self, data: Interactions, device: str) -> ItemScorer:
        """``X f(P̄)`` with ``P̄ = (R̃ᵀR̃)^∘s`` and ``R̃ = D_u^-α X D_i^(α - 1)``.

        Raises:
            SettingError: the item graph does not fit into memory.
        """
        del device
        n = data.n_items
        pruning.check_neighbours(data, self.neighbours)
        if self.order > 1:
            check_memory("setting order", 4 * n**2, f"a dense {n:,} × {n:,} filter")
        matrix = filtering.scaled(data, self.alpha, 1 - self.alpha).astype(np.float32)
        blocks = []
        for _, block in pruning.row_blocks(sp.csr_array(matrix.T), matrix):
            block.data **= np.float32(self.power)
            whole = self.neighbours is None
            blocks.append(block if whole else pruning.largest_of_rows(block, self.neighbours or n))
        graph = sp.csr_array(sp.vstack(blocks, format="csr"))
        made = graph if self.order == 1 else polynomial(graph, POWERS[self.order])
        return self.weighed(ItemScorer(data, made), data)


def polynomial(graph: sp.csr_array, powers: tuple[float, ...]) -> NDArray[np.float32]:
    """Dense ``Σ_k powers_k P̄^k``, k from 1, a block of rows at a time, by Horner's rule."""
    made = np.empty(graph.shape, dtype=np.float32)
    transposed = sp.csr_array(graph.T)
    for start in range(0, graph.shape[0], pruning.ROWS):
        rows = slice(start, min(start + pruning.ROWS, graph.shape[0]))
        own = graph[rows].toarray()
        block = powers[-1] * own
        for each in powers[-2::-1]:  # own f(P̄) = own (powers_1 + P̄ (powers_2 + ...))
            block = each * own + (transposed @ block.T).T
        made[rows] = block
    return made
