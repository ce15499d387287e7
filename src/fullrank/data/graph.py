"""The interaction graph: which rows of one side lie within a distance of each other."""

from __future__ import annotations

from typing import ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions


class Nearness:
    """Answers, for a batch, which of its users (or items) are within distance K on the graph.

    Paths between two rows of one side have an even number of edges, ``d_G ≤ K`` therefore means a
    walk of ``2 ⌊K / 2⌋`` edges: both reach a common node in ``⌊K / 2⌋`` hops. For K = 2 that is a
    shared item (a shared user). Exact for every K ≥ 1; the work is in the CSR rows of the batch.

    Args:
        data: The training interactions, whose pairs are the edges.
        distance: The paper's K ≥ 1.

    Source: DirectSpec, equation 21.
    """

    _last: ClassVar[WeakKeyDictionary[Interactions, Nearness]] = WeakKeyDictionary()

    @classmethod
    def of(cls, data: Interactions, distance: int) -> Nearness:
        """That of the data and the distance; the last one of the data is kept as long as these."""
        known = cls._last.get(data)
        if known is None or known.distance != distance:
            known = cls._last[data] = cls(data, distance)
        return known

    def __init__(self, data: Interactions, distance: int) -> None:
        if distance < 1:
            raise ValueError(f"graph distance: found {distance}; expected 1 or more")
        self._user_item = data.csr()
        self._item_user = sp.csr_array(self._user_item.T)
        self.distance = distance
        self._hops = distance // 2

    def neighbours(self) -> list[tuple[NDArray[np.int64], NDArray[np.int32]]] | None:
        """CSR (indptr, indices) of user → items and of item → users, for distances 2 and 3.

        Nothing for distance 1, at which no two rows of a side are near.
        """
        if not self._hops:
            return None
        sides = (self._user_item, self._item_user)
        return [(side.indptr.astype(np.int64), side.indices.astype(np.int32)) for side in sides]

    def users(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(B, B) bool for user rows (B,): whether ``d_G(u, v) ≤ K``; true on the diagonal."""
        return self._block(rows, self._user_item, self._item_user)

    def items(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(B, B) bool for item rows (B,): whether ``d_G(i, j) ≤ K``; true on the diagonal."""
        return self._block(rows, self._item_user, self._user_item)

    def both(self, user_rows: NDArray[np.int64], item_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(2, B, B): the block of the users, then that of the items."""
        return np.stack((self.users(user_rows), self.items(item_rows)))

    def _block(
        self, rows: NDArray[np.int64], there: sp.csr_array, back: sp.csr_array
    ) -> NDArray[np.bool_]:
        same: NDArray[np.bool_] = rows[:, None] == rows[None, :]
        if not self._hops:
            return same
        reached = there[rows]
        for hop in range(1, self._hops):
            reached = reached @ (back if hop % 2 else there)
            reached.data[:] = 1
        common = (reached @ reached.T).toarray()
        near: NDArray[np.bool_] = (common > 0) | same
        return near


class BipartiteGraph:
    """The one normalised adjacency, ``Â = D^-½ A D^-½`` of the users and items, by its two blocks.

    Args:
        user_item: (n_users, n_items) float32: ``w / √(d_u d_i)`` for each edge, R̃; w is 1 and d the
            number of edges where there are no weights, else the sum of their weights.
    """

    def __init__(self, user_item: sp.csr_array) -> None:
        self.user_item = user_item
        self.item_user = sp.csr_array(user_item.T)

    @classmethod
    def of(cls, data: Interactions, kept: NDArray[np.bool_] | None = None) -> BipartiteGraph:
        """The graph of some interactions, or of those ``kept``, (len(data),); degrees are its own.

        Source: LightGCN, He et al., SIGIR 2020, equation 3; dropped edges: DropEdge, Rong et al.,
        ICLR 2020.
        """
        user, item, own = data.user_idx, data.item_idx, data.weight
        if kept is not None:
            user, item, own = user[kept], item[kept], None if own is None else own[kept]
        shape = data.n_users, data.n_items
        degrees = (
            np.bincount(rows, weights=own, minlength=n)
            for rows, n in zip((user, item), shape, strict=True)
        )
        user_scale, item_scale = (np.where(each > 0, each, 1) ** -0.5 for each in degrees)
        weights = (user_scale[user] * item_scale[item]).astype(np.float32)
        if own is not None:
            weights *= own
        return cls(sp.csr_array((weights, (user, item)), shape=shape))

    @property
    def n_edges(self) -> int:
        """Edges, each counted once."""
        return int(self.user_item.nnz)
