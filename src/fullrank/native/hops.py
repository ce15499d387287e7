"""One hop on a weighted bipartite graph in compiled code."""

from __future__ import annotations

from ctypes import byref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.native import abi

READ_AHEAD = 16
"""Entries beyond the end of the edges that the kernels may read; see ``EDGES_AHEAD`` there."""


class Edges:
    """The edges of one direction of a graph, laid out for the kernels.

    Args:
        indptr: (n + 1,) int64, edges of row r at ``indptr[r]:indptr[r + 1]``.
        indices: (edges,) int32, rows of the other side.
        weights: (edges,) float32.

    Raises:
        DataError: edges that are no CSR matrix.
    """

    def __init__(
        self,
        indptr: NDArray[np.int64],
        indices: NDArray[np.int32],
        weights: NDArray[np.float32],
    ) -> None:
        self.n_rows = len(indptr) - 1
        self.n_columns = abi.check_csr("the edges", indptr, indices)
        """Rows that a table of neighbours must have."""
        self.indptr = indptr
        self.indices = np.concatenate((indices, np.zeros(READ_AHEAD, dtype=np.int32)))
        self.weights = weights
        self._n_edges = len(indices)
        self.arrays()

    def arrays(self) -> tuple[Any, Any, Any]:
        """``indptr``, ``indices`` and ``weights`` for a struct of the kernels."""
        return (
            abi.array("indptr", self.indptr, np.int64, (self.n_rows + 1,)),
            abi.array("indices", self.indices, np.int32, (self._n_edges + READ_AHEAD,)),
            abi.array("weights", self.weights, np.float32, (self._n_edges,)),
        )

    def gather(
        self,
        table: NDArray[np.float32],
        threads: int,
        *,
        base: NDArray[np.float32] | None = None,
        rows: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float32]:
        """``base[r] + Σ w · table[neighbour]`` for each of ``rows``, all rows if absent.

        Shapes: ``table`` (m, d), ``base`` (n, d), ``rows`` (k,); returns (k, d) or (n, d).
        """
        count = self.n_rows if rows is None else len(rows)
        into = np.empty((count, table.shape[1]), dtype=np.float32)
        hop = self._hop(count, into.shape[1], threads, rows)
        setattr(hop, "from", self._table("table", table))
        hop.into = abi.array("into", into, np.float32, into.shape)
        if base is not None:
            hop.base = abi.array("base", base, np.float32, (self.n_rows, table.shape[1]))
        abi.call("gather_hop", byref(hop))
        return into

    def scatter_add(
        self,
        rows: NDArray[np.int64],
        grad: NDArray[np.float32],
        into: NDArray[np.float32],
        threads: int,
    ) -> None:
        """Adds ``w · grad[k]`` to the neighbours of each ``rows[k]`` in ``into``.

        Shapes: ``rows`` (k,), ``grad`` (k, d), ``into`` (m, d), written in place.
        """
        hop = self._hop(len(rows), into.shape[1], threads, rows)
        setattr(hop, "from", abi.array("grad", grad, np.float32, (len(rows), into.shape[1])))
        hop.into = self._table("into", into, written=True)
        abi.call("scatter_hop", byref(hop))

    def _table(self, name: str, table: NDArray[np.float32], *, written: bool = False) -> Any:
        if len(table) < self.n_columns:
            raise ValueError(f"{name}: found {len(table)} rows; expected {self.n_columns} or more")
        return abi.array(name, table, np.float32, (len(table), table.shape[1]), written=written)

    def _hop(self, count: int, dim: int, threads: int, rows: NDArray[np.int64] | None) -> abi.Hop:
        hop = abi.Hop(count, dim, abi.team_size(threads), self.n_rows)
        hop.indptr, hop.indices, hop.weights = self.arrays()
        if rows is not None:
            hop.rows = abi.array("rows", rows, np.int64, (count,))
        return hop
