"""The graph over workers: edges of own rows, by the rows of the other side that they lead to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.encoders import Pair
from fullrank.scale.blocks import UserBlock
from fullrank.scale.group import Group


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Edges between rows of the other side, of all workers, and own rows.

    Args:
        ids: (k,) row numbers of the other side that have an edge to an own row, ascending.
        edges: (k, n) weights of their edges to the n own rows.
    """

    ids: NDArray[np.int64]
    edges: sp.csr_array

    def spread(self, ids: NDArray[np.int64], grads: Tensor) -> tuple[Tensor, Tensor]:
        """``Â G`` for own rows, where G is ``grads`` at ``ids`` of the other side, zero elsewhere.

        Shapes: ``ids`` (m,), which may repeat, ``grads`` (m, d); returns (t,) own rows that have a
        neighbour among them, each once, and (t, d).
        """
        at = np.searchsorted(self.ids, ids)
        there = at < len(self.ids)
        there[there] = self.ids[at[there]] == ids[there]
        near = self.edges[at[there]]
        rows, place = np.unique(near.indices, return_inverse=True)
        shape = len(rows), near.shape[0]
        onto = sp.csc_array((near.data, place, near.indptr), shape=shape)
        found = onto @ grads.cpu().numpy()[there]
        return _like(rows.astype(np.int64), grads.device), _like(found, grads.device)


@dataclass(frozen=True, eq=False)
class OwnGraph:
    """The edges of a worker: those of its users, and those of its items.

    Args:
        user_item: (n, n_items) own users to all items, R̃ of `BipartiteGraph` cut to them.
        users: Items to own users.
        items: Users of all workers to own items.
        own_items: Where own items begin and end.
    """

    user_item: sp.csr_array
    users: Neighbours
    items: Neighbours
    own_items: tuple[int, int]

    @classmethod
    def of(
        cls,
        block: UserBlock,
        item_degree: NDArray[np.int64],
        edges: NDArray[np.int64],
        group: Group,
    ) -> OwnGraph:
        """Of own users' pairs; the edges of items come from the workers of their users, once.

        Args:
            block: The training pairs of own users.
            item_degree: (n_items,) training pairs of each item, of all workers.
            edges: (W + 1,) where each worker's items begin and end.
            group: The workers.
        """
        matrix = normalised(block, item_degree)
        turned = sp.csr_array(matrix.T)
        there = np.flatnonzero(np.diff(turned.indptr))
        users = Neighbours(there, sp.csr_array(turned[there]))
        items = _of_items(matrix, block.first, edges, group)
        first, last = edges[group.rank : group.rank + 2].tolist()
        return cls(matrix, users, items, (first, last))


def normalised(block: UserBlock, item_degree: NDArray[np.int64]) -> sp.csr_array:
    """``1 / √(d_u d_i)`` for each pair of some users, bit for bit as `BipartiteGraph` has it."""
    degree = np.diff(block.indptr)
    user_scale, item_scale = (np.where(each > 0, each, 1) ** -0.5 for each in (degree, item_degree))
    weights = np.repeat(user_scale, degree) * item_scale[block.item_idx]
    shape = block.users, block.whole.items
    arrays = weights.astype(np.float32), np.asarray(block.item_idx), block.indptr
    return sp.csr_array(arrays, shape=shape)


def propagate_over(
    graph: OwnGraph, tables: Pair, layers: int, edges: NDArray[np.int64], group: Group
) -> Pair:
    """Own rows of ``(I + Â + … + Â^K) E``: see `fullrank.encoders.propagation.propagate`.

    A hop gathers the rows of all items, and sums what all users add to each item at its owner.

    Args:
        graph: Own edges.
        tables: (n, d) and (m, d) own rows of E.
        layers: K.
        edges: (W + 1,) where each worker's items begin and end.
        group: The workers.
    """
    counts, total = np.diff(edges).tolist(), tables
    there = graph.user_item
    for _ in range(layers):
        users, items = total
        every = group.gather(items, counts)
        added = _like(there.T @ users.cpu().numpy(), items.device)
        hopped = _like(there @ every.cpu().numpy(), users.device)
        total = tables[0] + hopped, tables[1] + group.scatter_sum(added, counts)
    return total


def _of_items(
    matrix: sp.csr_array, first: int, edges: NDArray[np.int64], group: Group
) -> Neighbours:
    owner = np.searchsorted(edges, matrix.indices, side="right") - 1
    order = np.argsort(owner, kind="stable")
    user = np.repeat(np.arange(matrix.shape[0]) + first, np.diff(matrix.indptr))
    pairs = np.stack((user, matrix.indices), axis=1)[order]
    sends = np.bincount(owner, minlength=group.size)
    ones = [1] * group.size
    receives = group.all_to_all(torch.from_numpy(sends)[:, None].to(group.device), ones, ones)
    how = sends.tolist(), receives[:, 0].tolist()
    sent = (torch.from_numpy(each).to(group.device) for each in (pairs, matrix.data[order]))
    received, weights = (group.all_to_all(each, *how).cpu().numpy() for each in sent)
    # Users ascend: worker by worker, and within each.
    user, item = received.T
    starts = np.flatnonzero(np.diff(user, prepend=-1))
    indptr = np.append(starts, len(user))
    own = edges[group.rank : group.rank + 2]
    shape = len(starts), int(own[1] - own[0])
    return Neighbours(user[starts], sp.csr_array((weights, item - own[0], indptr), shape=shape))


def _like(values: NDArray[np.generic], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(device)
