"""Least squares in turn in compiled code: Gram matrices, a change of basis, rows.

Tables are as wide as a multiple of `WIDTH`, columns beyond the dimensions are zero.
"""

from __future__ import annotations

from ctypes import byref, c_int64

import numpy as np
from numpy.typing import NDArray

from fullrank.native import abi

WIDTH = 16
"""Numbers of the widest vectors."""


def gram(table: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
    """``YᵀY``, (d, d), of (n, d): summed in float64, in the order of the rows."""
    n, d = table.shape
    into = np.zeros((d, d))
    arrays = abi.array("table", table, np.float32, (n, d)), c_int64(n), c_int64(d)
    written = abi.array("into", into, np.float64, (d, d), written=True)
    abi.call("gram", *arrays, written, c_int64(abi.team_size(threads)))
    return into


def rotated(
    table: NDArray[np.float32], basis: NDArray[np.float32], threads: int
) -> NDArray[np.float32]:
    """``Y Q``, (n, d), of (n, d) and (d, d)."""
    n, d = table.shape
    into = np.empty_like(table)
    abi.call(
        "rotate",
        abi.array("table", table, np.float32, (n, d)),
        c_int64(n),
        c_int64(d),
        abi.array("basis", basis, np.float32, (d, d)),
        abi.array("into", into, np.float32, (n, d), written=True),
        c_int64(abi.team_size(threads)),
    )
    return into


def solve_rows(
    pairs: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]],
    order: NDArray[np.int64],
    penalty: NDArray[np.float32],
    spectrum: NDArray[np.float32],
    table: NDArray[np.float32],
    threads: int,
) -> NDArray[np.float32]:
    """The rows of one side, (n, d), by those of the other; see ``least_squares.h``.

    Args:
        pairs: (n + 1,) where each row's pairs begin, (nnz,) the other side's rows, which the caller
            has checked, and (nnz,) confidence above 1.
        order: (n,) in which rows are begun: the longest first keep all threads at work.
        penalty: (n,) λ of each row.
        spectrum: (d,) eigenvalues of the Gram matrix of ``table``.
        table: (m, d) rows of the other side, in the basis of its eigenvectors.
        threads: To share the rows; the bits are the same for any number.
    """
    (indptr, indices, extra), (n, (m, d)) = pairs, (len(penalty), table.shape)
    into = np.empty((n, d), dtype=np.float32)
    job = abi.LeastSquares(n, d, abi.team_size(threads))
    job.indptr = abi.array("indptr", indptr, np.int64, (n + 1,))
    job.indices = abi.array("indices", indices, np.int32, indices.shape[:1])
    job.extra = abi.array("extra", extra, np.float32, indices.shape)
    job.order = abi.array("order", order, np.int64, (n,))
    job.penalty = abi.array("penalty", penalty, np.float32, (n,))
    job.spectrum = abi.array("spectrum", spectrum, np.float32, (d,))
    job.table = abi.array("table", table, np.float32, (m, d))
    job.into = abi.array("into", into, np.float32, (n, d), written=True)
    abi.call("least_squares", byref(job))
    return into
