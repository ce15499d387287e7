"""One hop on a weighted bipartite graph in compiled code."""

from __future__ import annotations

from ctypes import POINTER, Structure, byref, c_float, c_int32, c_int64

import numpy as np
from numpy.typing import NDArray

from fullrank.native.build import kernel, pointer

READ_AHEAD = 16
"""Places beyond the end of the edges that the kernels may read; see `padded`."""


class _Hop(Structure):
    _fields_ = [
        *((name, c_int64) for name in ("n_rows", "dim", "threads")),
        ("indptr", POINTER(c_int64)),
        ("indices", POINTER(c_int32)),
        ("weights", POINTER(c_float)),
        ("rows", POINTER(c_int64)),
        ("base", POINTER(c_float)),
        ("from", POINTER(c_float)),
        ("into", POINTER(c_float)),
    ]


class Edges:
    """The edges of one direction of a graph, laid out for the kernels.

    Args:
        indptr: (n + 1,) int64, edges of row r at ``indptr[r]:indptr[r + 1]``.
        indices: (edges,) int32, rows of the other side.
        weights: (edges,) float32.
    """

    def __init__(
        self,
        indptr: NDArray[np.int64],
        indices: NDArray[np.int32],
        weights: NDArray[np.float32],
    ) -> None:
        self.indptr = indptr
        self.indices = np.concatenate((indices, np.zeros(READ_AHEAD, dtype=np.int32)))
        self.weights = weights

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
        count = len(self.indptr) - 1 if rows is None else len(rows)
        into = np.empty((count, table.shape[1]), dtype=np.float32)
        hop = self._hop(count, table, into, threads, rows)
        if base is not None:
            hop.base = pointer(base, np.float32, c_float)
        kernel("gather_hop")(byref(hop))
        return into

    def spread(
        self,
        rows: NDArray[np.int64],
        grad: NDArray[np.float32],
        into: NDArray[np.float32],
        threads: int,
    ) -> None:
        """Adds ``w · grad[k]`` to the neighbours of each ``rows[k]`` in ``into``.

        Shapes: ``rows`` (k,), ``grad`` (k, d), ``into`` (m, d), written in place.
        """
        kernel("spread_hop")(byref(self._hop(len(rows), grad, into, threads, rows)))

    def _hop(
        self,
        count: int,
        source: NDArray[np.float32],
        into: NDArray[np.float32],
        threads: int,
        rows: NDArray[np.int64] | None,
    ) -> _Hop:
        hop = _Hop(count, into.shape[1], threads)
        hop.indptr = pointer(self.indptr, np.int64, c_int64)
        hop.indices = pointer(self.indices, np.int32, c_int32)
        hop.weights = pointer(self.weights, np.float32, c_float)
        setattr(hop, "from", pointer(source, np.float32, c_float))
        hop.into = pointer(into, np.float32, c_float)
        if rows is not None:
            hop.rows = pointer(rows, np.int64, c_int64)
        return hop
