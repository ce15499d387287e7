"""P3alpha: a random walk of three steps from a user to an item."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.weights import item_strength, power, user_strength, weighted_csr
from fullrank.methods.base import ClosedFormMethod
from fullrank.methods.closed_form import pruning
from fullrank.methods.space import Span
from fullrank.serving.scorers import ItemScorer


class P3Alpha(ClosedFormMethod):
    """Transition probabilities from item to item over their users."""

    name = "p3alpha"
    summary = "a random walk of three steps from user to item"
    source = "Cooper et al., WWW 2014, equation 6"
    space = {"neighbours": Span(10, 1000, log=True), "alpha": Span(0.2, 2.0)}

    neighbours: int = Field(default=300, ge=1, lt=2**31)
    """Most probable items that the walk can reach from each item."""
    alpha: float = Field(default=1.0, ge=0)
    """Exponent α of each transition probability."""
    unit_rows: bool = False
    """Divide the weights that an item keeps by their sum, as the programs of critical studies
    can."""

    def largest(self, data: Interactions) -> dict[str, int]:
        """Each item has all others as neighbours at most."""
        return {"neighbours": max(1, data.n_items - 1)}

    @property
    def uses_weights(self) -> bool:
        """Transitions are in proportion to them."""
        return True

    def solve(self, data: Interactions, device: str) -> ItemScorer:
        """``W = P_iu^α P_ui^α``, element-wise powers, the k largest of each row; scores ``X W``.

        ``P_ui = x_ui / d_u`` and ``P_iu = x_ui / d_i`` with d the sums of weights. The walk's first
        step, from the user, is the same factor for all of a user's items without weights, which
        ranks nothing; with weights it is x_u, and not x_u^α.

        Raises:
            SettingError: the weights do not fit into memory.
        """
        del device
        pruning.check_neighbours(data, self.neighbours)
        matrix = weighted_csr(data).astype(np.float64)
        matrix.data = matrix.data**self.alpha
        to_item = sp.diags_array(power(user_strength(data), -self.alpha)) @ matrix
        to_user = sp.diags_array(power(item_strength(data), -self.alpha)) @ matrix.T
        return ItemScorer(data, self._weights(data, sp.csr_array(to_user), sp.csr_array(to_item)))

    def discount(self, data: Interactions) -> NDArray[np.float64] | None:
        """(n_items,) what the probability of reaching an item is multiplied by, if anything."""
        del data
        return None

    def _weights(
        self, data: Interactions, to_user: sp.csr_array, to_item: sp.csr_array
    ) -> sp.csr_array:
        discount, blocks = self.discount(data), []
        for rows, block in pruning.row_blocks(to_user, to_item):
            if discount is not None:
                block.data *= discount[block.indices]
            kept = pruning.largest_of_rows(pruning.without_diagonal(block, rows), self.neighbours)
            if self.unit_rows:
                sums = kept.sum(axis=1)
                kept = sp.csr_array(sp.diags_array(1 / np.where(sums > 0, sums, 1)) @ kept)
            blocks.append(kept.astype(np.float32))
        return sp.csr_array(sp.vstack(blocks, format="csr"))
