"""ItemKNN: items like those of the user, by the users they share."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.weights import weighted_csr
from fullrank.methods.closed_form.popular import POPULARITY, ByPopularity
from fullrank.methods.closed_form.pruning import largest_of_rows
from fullrank.methods.space import Span
from fullrank.serving.scorers import ItemScorer

ROWS = 1024
"""Items whose similarities to all others are made at a time."""


class ItemKNN(ByPopularity):
    """Cosine neighbours."""

    name = "itemknn"
    summary = "items like those of the user, by the users they share"
    source = "Sarwar et al., WWW 2001"
    space = {
        "neighbours": Span(10, 500, log=True),
        "shrinkage": Span(0.0, 50.0),
        "popularity": POPULARITY,
    }

    neighbours: int = Field(default=100, ge=1, lt=2**31)
    """Most similar items that each item keeps."""
    shrinkage: float = Field(default=10.0, ge=0)
    """Added to the product of norms: takes weight from similarities that rest on few users. Times
    the mean squared weight, where there are weights, so that their unit does not matter."""

    def largest(self, data: Interactions) -> dict[str, int]:
        """Each item has all others as neighbours at most."""
        return {"neighbours": max(1, data.n_items - 1)}

    @property
    def uses_weights(self) -> bool:
        """Cosines are those of the weighted columns."""
        return True

    def solve(self, data: Interactions, device: str) -> ItemScorer:
        """``s_ij = |U_i ∩ U_j| / (√(|U_i| |U_j|) + λ)``, the k largest of each row.

        With weights it is ``x_iᵀ x_j / (‖x_i‖ ‖x_j‖ + λ m)`` of the weighted columns, m the mean of
        the squared weights.

        Source: Sarwar et al., WWW 2001; shrinkage: Bell & Koren, KDD Cup 2007.
        """
        del device
        matrix = sp.csr_array(weighted_csr(data).astype(np.float32))
        items = sp.csr_array(matrix.T)
        square, added = data.item_degree, self.shrinkage
        if data.weight is not None:
            square = np.bincount(data.item_idx, weights=data.weight**2, minlength=data.n_items)
            added *= float(square.sum()) / len(data)
        norm = np.sqrt(np.where(square > 0, square, 1)).astype(np.float32)
        blocks = []
        for start in range(0, data.n_items, ROWS):
            common = sp.csr_array(items[start : start + ROWS] @ matrix)
            row = np.repeat(np.arange(common.shape[0]), np.diff(common.indptr)) + start
            common.data /= norm[row] * norm[common.indices] + added
            common.data[row == common.indices] = 0
            blocks.append(largest_of_rows(common, self.neighbours))
        return self.weighed(ItemScorer(data, sp.csr_array(sp.vstack(blocks))), data)
