"""How strongly a regression of items on items is penalised, by a rule from the data."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def penalty(matrix: sp.csr_array, share: float) -> float:
    """``λ = share · Σ_i g_i² / Σ_i g_i``, with g the diagonal of XᵀX, rounded to two digits.

    The fraction is how often the item of an interaction drawn at random is interacted with. It
    grows with the data as XᵀX does and follows the items that the regression is mostly about, where
    one value for all data penalises the short columns of sparse data out of existence.

    >>> penalty(sp.csr_array([[1.0, 0, 1], [1, 1, 0]]), share=2.0)
    3.0
    """
    squares = matrix.astype(np.float64).power(2).sum(axis=0)
    total = float(squares.sum())
    return float(f"{share * float((squares**2).sum()) / total:.2g}") if total > 0 else 1.0
