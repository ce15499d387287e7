"""Hops on the normalised graph, and LightGCN's sum of them for the rows of a batch."""

from __future__ import annotations

import warnings
from typing import Any, cast

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fullrank import native
from fullrank.data.graph import BipartiteGraph
from fullrank.encoders.adding import add_rows
from fullrank.encoders.base import Pair, Some


class Hops:
    """Multiplies tables by Â: compiled on the processor for float32, torch's sparse products else.

    Args:
        graph: The normalised graph.
        device: Where the tables are.
    """

    def __init__(self, graph: BipartiteGraph, device: str = "cpu") -> None:
        self.graph = graph
        self.device = device
        blocks = graph.user_item, graph.item_user
        self._sparse: dict[torch.dtype, list[Tensor]] = {}
        self.edges: list[native.Edges] | None = None
        if device == "cpu" and native.available():
            self.edges = [
                native.Edges(b.indptr.astype(np.int64), b.indices.astype(np.int32), b.data)
                for b in blocks
            ]

    def hop(self, tables: Pair, base: Pair) -> Pair:
        """``base + Â · tables``, of all rows."""
        users, items = tables
        return self._gather(0, items, base[0]), self._gather(1, users, base[1])

    def hop_at(self, tables: Pair, base: Pair, rows: Some) -> Pair:
        """``(base + Â · tables)[rows]``, (b, d) for (b,) user rows and likewise for items."""
        users, items = tables
        return (
            self._gather(0, items, base[0], rows[0]),
            self._gather(1, users, base[1], rows[1]),
        )

    def spread(self, rows: Some, grads: Pair, n: tuple[int, int]) -> tuple[Pair, Pair]:
        """For G with ``grads`` at ``rows`` and zero elsewhere: G and ``Â · G``, as whole tables."""
        whole, hopped = [], []
        for side in (0, 1):
            at, grad = rows[side], grads[side]
            table = grad if at is None else grad.new_zeros(n[side], grad.shape[1])
            whole.append(table if at is None else add_rows(table, at, grad))
        for side in (0, 1):
            other, at = grads[1 - side], rows[1 - side]
            into = other.new_zeros(n[side], other.shape[1])
            edges = self._compiled(other)
            if edges is None:
                into = self._matrix(side, other.dtype) @ whole[1 - side]
            elif at is None or len(at) >= n[1 - side]:  # repeated rows would go out many times
                into = self._gather(side, whole[1 - side], into)
            else:
                each = at.numpy(), other.contiguous().numpy(), into.numpy()
                edges[1 - side].scatter_add(*each, threads=1)
            hopped.append(into)
        return (whole[0], whole[1]), (hopped[0], hopped[1])

    def _gather(self, side: int, table: Tensor, base: Tensor, rows: Tensor | None = None) -> Tensor:
        edges = self._compiled(table)
        if rows is not None and len(rows) >= len(base):
            return self._gather(side, table, base)[rows]
        if edges is not None:
            # A second thread takes longer to start than a batch takes.
            threads = torch.get_num_threads() if rows is None else 1
            at = None if rows is None else rows.numpy()
            arrays = table.contiguous().numpy(), base.contiguous().numpy()
            return torch.from_numpy(edges[side].gather(arrays[0], threads, base=arrays[1], rows=at))
        if rows is None:
            return base + self._matrix(side, table.dtype) @ table
        return base[rows] + self._rows_of(side, rows, table.dtype) @ table

    def _compiled(self, table: Tensor) -> list[native.Edges] | None:
        return self.edges if table.dtype == torch.float32 else None

    def _matrix(self, side: int, dtype: torch.dtype) -> Tensor:
        if dtype not in self._sparse:
            blocks = self.graph.user_item, self.graph.item_user
            self._sparse[dtype] = [_sparse(block, dtype, self.device) for block in blocks]
        return self._sparse[dtype][side]

    def _rows_of(self, side: int, rows: Tensor, dtype: torch.dtype) -> Tensor:
        block = (self.graph.user_item, self.graph.item_user)[side]
        return _sparse(sp.csr_array(block[rows.cpu().numpy()]), dtype, self.device)


def _sparse(block: sp.csr_array, dtype: torch.dtype, device: str) -> Tensor:
    parts = (torch.from_numpy(each) for each in (block.indptr, block.indices, block.data))
    indptr, indices, data = parts
    with warnings.catch_warnings():
        for message in ("Sparse CSR tensor support is in beta", "Sparse invariant checks are"):
            warnings.filterwarnings("ignore", message=message)
        made: Tensor = torch.sparse_csr_tensor(
            indptr.long(), indices.long(), data.to(dtype), block.shape, check_invariants=False
        )
    return made.to(device)


def propagate(hops: Hops, tables: Pair, layers: int) -> Pair:
    """``(I + Â + … + Â^K) E``, by Horner's form, K products.

    Shapes: ``tables`` (n_users, d) and (n_items, d); returns the same.
    Source: LightGCN, equation 8, unaveraged.
    """
    total = tables
    for _ in range(layers):
        total = hops.hop(total, tables)
    return total


def propagate_at(hops: Hops, tables: Pair, layers: int, rows: Some) -> Pair:
    """Some rows of `propagate`: the outermost product is over these rows alone."""
    if not layers:
        users, items = (t if at is None else t[at] for t, at in zip(tables, rows, strict=True))
        return users, items
    return hops.hop_at(propagate(hops, tables, layers - 1), tables, rows)


def propagate_grads(hops: Hops, rows: Some, grads: Pair, layers: int, n: tuple[int, int]) -> Pair:
    """The gradient of `propagate_at` with respect to the tables: ``(I + … + Â^K) G``.

    Â is symmetric, so it is Horner's form again, with G in the place of E; the innermost product
    touches the neighbours of the rows alone.
    """
    if not layers:
        return hops.spread(rows, grads, n)[0]
    whole, hopped = hops.spread(rows, grads, n)
    total = whole[0] + hopped[0], whole[1] + hopped[1]
    for _ in range(layers - 1):
        total = hops.hop(total, whole)
    return total


class PropagatedRows(torch.autograd.Function):
    """`propagate_at`, with `propagate_grads` as its gradient."""

    @staticmethod
    def forward(
        ctx: Any, users: Tensor, items: Tensor, hops: Hops, layers: int, rows: Pair
    ) -> Pair:
        """Shapes: tables (n_users, d), (n_items, d); ``rows`` (b,) and (c,); returns their rows."""
        ctx.hops, ctx.layers, ctx.rows, ctx.n = hops, layers, rows, (len(users), len(items))
        return propagate_at(hops, (users, items), layers, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        """See `propagate_grads`."""
        users, items = propagate_grads(ctx.hops, ctx.rows, (grads[0], grads[1]), ctx.layers, ctx.n)
        return users, items, None, None, None


class PropagatedTables(torch.autograd.Function):
    """`propagate` of all rows, whose gradient is `propagate` again."""

    @staticmethod
    def forward(ctx: Any, users: Tensor, items: Tensor, hops: Hops, layers: int) -> Pair:
        """Shapes: tables (n_users, d), (n_items, d); returns the same."""
        ctx.hops, ctx.layers = hops, layers
        return propagate(hops, (users, items), layers)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Â is symmetric."""
        return *propagate(ctx.hops, (grads[0], grads[1]), ctx.layers), None, None


def propagated(hops: Hops, leaves: Pair, layers: int) -> Pair:
    """`propagate` for tables that ask for gradients."""
    return cast("Pair", PropagatedTables.apply(*leaves, hops, layers))  # type: ignore[no-untyped-call]
