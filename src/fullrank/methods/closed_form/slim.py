"""SLIM on prescribed neighbours: the regression of EASE with a sparse matrix of weights."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.weights import weighted_csr
from fullrank.methods.closed_form import pruning
from fullrank.methods.closed_form.popular import POPULARITY, ByPopularity
from fullrank.methods.closed_form.ridge import penalty
from fullrank.methods.space import Span
from fullrank.serving.scorers import ItemScorer

SHARE = 1.6
"""Of the rule for the ridge: the best on validation was .9 to 2.1 on five data sets."""

WHOLE = 3_000
"""Most items for which the products of all pairs are held: looked up, not multiplied anew."""


class SLIM(ByPopularity):
    """Each item regressed on the items nearest to it."""

    name = "slim"
    summary = "items regressed on their nearest items: EASE with sparse weights"
    source = "fsSLIM, Ning & Karypis, ICDM 2011, with the ridge of EASE (Steck, WWW 2019) alone"
    space = {
        "neighbours": Span(50, 500, log=True),
        "ridge": Span(5.0, 1000.0, log=True),
        "popularity": POPULARITY,
    }

    neighbours: int = Field(default=100, ge=1, lt=2**31)
    """Items of largest cosine that each item is regressed on."""
    ridge: float | None = Field(default=None, gt=0)
    """λ of the penalty. If absent, `SHARE` times how often the item of an interaction drawn at
    random is interacted with (in squared weights, if there are any)."""

    def largest(self, data: Interactions) -> dict[str, int]:
        """Each item has all others as neighbours at most."""
        return {"neighbours": max(1, data.n_items - 1)}

    @property
    def uses_weights(self) -> bool:
        """X holds them."""
        return True

    def solve(self, data: Interactions, device: str) -> ItemScorer:
        """``b_j = (X_NᵀX_N + λ I)⁻¹ X_Nᵀ x_j`` with N the k items of largest cosine with item j.

        With all other items as neighbours this is EASE. A sparse approximate inverse with a
        prescribed pattern: memory for n_items × k weights and a k × k matrix at a time; time grows
        with n_items k³. No item × item matrix is made of more than `WHOLE` items.

        Raises:
            SettingError: the weights do not fit into memory.
        """
        del device
        pruning.check_neighbours(data, self.neighbours)
        matrix = weighted_csr(data).astype(np.float64)
        ridge = penalty(matrix, SHARE) if self.ridge is None else self.ridge
        items = sp.csr_array(matrix.T)
        length = np.sqrt(items.multiply(items).sum(axis=1))
        unit = sp.csr_array(sp.diags_array(1 / np.where(length > 0, length, 1)) @ items)
        whole = (items @ items.T).toarray() if data.n_items <= WHOLE else None
        columns, values = [], []
        for rows, block in pruning.row_blocks(unit, sp.csr_array(unit.T)):
            near = pruning.largest_of_rows(pruning.without_diagonal(block, rows), self.neighbours)
            for item in range(rows.start, rows.stop):
                start, stop = near.indptr[item - rows.start : item - rows.start + 2]
                columns.append(near.indices[start:stop])
                values.append(_regressed(items, whole, columns[-1], item, ridge))
        indptr = np.concatenate(([0], np.cumsum([len(each) for each in columns])))
        parts = np.concatenate(values).astype(np.float32), np.concatenate(columns), indptr
        by_target = sp.csr_array(parts, shape=(data.n_items, data.n_items))
        scorer = self.weighed(ItemScorer(data, sp.csr_array(by_target.T)), data)
        scorer.metadata["slim"] = {"ridge": ridge}
        return scorer


def _regressed(
    items: sp.csr_array,
    whole: NDArray[np.float64] | None,
    near: NDArray[np.int32],
    item: int,
    ridge: float,
) -> NDArray[np.float64]:
    """The weights of ``item`` on its neighbours, (k,)."""
    if not len(near):
        return np.empty(0)
    if whole is None:
        own = items[near]
        gram, common = (own @ own.T).toarray(), (own @ items[[item]].T).toarray()[:, 0]
    else:
        gram, common = whole[near[:, None], near], whole[near, item]
    gram[np.diag_indices(len(near))] += ridge
    solved: NDArray[np.float64] = scipy.linalg.solve(gram, common, assume_a="pos")
    return solved
