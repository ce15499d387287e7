"""The border between Python and the kernels: their structs, arrays for them, and what they answer.

A kernel sees no array that was not checked here for its dtype, its shape and its layout, and no row
number that it has not checked itself. Each returns a status, of which `call` makes a Python error.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from ctypes import (
    POINTER,
    Structure,
    byref,
    c_char,
    c_double,
    c_float,
    c_int32,
    c_int64,
    c_uint8,
    c_uint64,
    c_void_p,
)
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.errors import DataError
from fullrank.native.build import kernel, pointer

CORES = "FULLRANK_CORES"
"""Environment variable: the number of cores to count on, instead of what the system says."""

_OK, _NO_MEMORY, _NO_THREADS, _OUT_OF_RANGE = range(4)

_KINDS: dict[Any, Any] = {
    np.dtype(np.float32): c_float,
    np.dtype(np.float64): c_double,
    np.dtype(np.int32): c_int32,
    np.dtype(np.int64): c_int64,
    np.dtype(np.uint8): c_uint8,
    np.dtype(np.uint64): c_uint64,
}


class Failure(Structure):
    """Details of a failure, see ``status.h``."""

    _fields_ = [
        *((name, c_int64) for name in ("bytes", "position", "value", "low", "high")),
        ("text", c_char * 128),
    ]


class Table(Structure):
    """A parameter table and the optimiser's arrays for it, see ``rows.h``."""

    _fields_ = [
        ("rows", POINTER(c_float)),
        ("n", c_int64),
        *((name, POINTER(c_float)) for name in ("square", "mean", "count")),
        *((name, POINTER(c_int64)) for name in ("last", "clock")),
    ]


class Update(Structure):
    """An optimiser step, see ``rows.h``."""

    _fields_ = [
        ("rule", c_int64),
        *((name, c_float) for name in ("lr", "decay", "eps", "beta1", "beta2")),
    ]


class FactoredConfig(Structure):
    """Rows that are smoothed over a graph, see ``factored.h``."""

    _fields_ = [
        ("rank", c_int64),
        *((name, c_float) for name in ("identity", "hop")),
        *((name, POINTER(c_float)) for name in ("even", "odd")),
        *((name, POINTER(c_float) * 2) for name in ("basis", "low")),
        ("indptr", POINTER(c_int64) * 2),
        ("indices", POINTER(c_int32) * 2),
        ("weights", POINTER(c_float) * 2),
    ]


class PairConfig(Structure):
    """Steps on observed pairs, see ``pair.h``."""

    _fields_ = [
        *((name, c_int64) for name in ("batch", "dim", "threads", "balance", "objective")),
        *((name, c_float) for name in ("alpha", "tau", "tau_near", "shrink")),
        *((name, c_int64) for name in ("near", "distinct")),
        ("n", c_int64 * 2),
        ("n_neighbours", c_int64 * 2),
        ("indptr", POINTER(c_int64) * 2),
        ("indices", POINTER(c_int32) * 2),
        ("factored", FactoredConfig),
    ]


class NegativeConfig(Structure):
    """Steps against sampled items, see ``contrast.h``."""

    _fields_ = [
        *((name, c_int64) for name in ("batch", "dim", "negatives", "threads", "objective")),
        ("n", c_int64 * 2),
        *((name, c_float) for name in ("margin", "weight")),
        ("dropout", c_double),
    ]


class Hop(Structure):
    """A hop on a weighted bipartite graph, see ``propagate.h``."""

    _fields_ = [
        *((name, c_int64) for name in ("n_rows", "dim", "threads", "n_graph")),
        ("indptr", POINTER(c_int64)),
        ("indices", POINTER(c_int32)),
        ("weights", POINTER(c_float)),
        ("rows", POINTER(c_int64)),
        *((name, POINTER(c_float)) for name in ("base", "from", "into")),
    ]


class LeastSquares(Structure):
    """Rows that minimise a weighted squared loss, see ``least_squares.h``."""

    _fields_ = [
        *((name, c_int64) for name in ("n_rows", "dim", "threads")),
        ("indptr", POINTER(c_int64)),
        ("indices", POINTER(c_int32)),
        ("extra", POINTER(c_float)),
        ("order", POINTER(c_int64)),
        *((name, POINTER(c_float)) for name in ("penalty", "spectrum", "table", "into")),
    ]


class Csr(Structure):
    """The columns of a sparse matrix, see ``csr.h``."""

    _fields_ = [
        ("indptr", POINTER(c_int64)),
        ("indices", POINTER(c_int32)),
        ("n_rows", c_int64),
        ("nnz", c_int64),
    ]


class TopK(Structure):
    """A search for the best items, see ``topk.h``."""

    _fields_ = [
        *((name, c_int64) for name in ("dim", "n_items", "n_users", "k", "threads", "n_excluded")),
        ("n_user_rows", c_int64),
        *((name, POINTER(c_float)) for name in ("user_table", "panels")),
        ("users", POINTER(c_int64)),
        ("excluded", POINTER(Csr)),
        ("candidates", POINTER(c_uint8)),
        ("items", POINTER(c_int32)),
        ("scores", POINTER(c_float)),
    ]


def cores() -> int:
    """Cores that this process may use, or what the variable `CORES` says."""
    named = os.environ.get(CORES)
    if named:
        return max(int(named), 1)
    if hasattr(os, "sched_getaffinity"):  # Linux: fewer than the machine has, in a container
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def team_size(threads: int) -> int:
    """The threads that kernels start of those asked for: no more than there are cores."""
    return max(1, min(threads, cores()))


def array(
    name: str, value: NDArray[Any], dtype: Any, shape: Sequence[int], *, written: bool = False
) -> Any:
    """What a kernel takes for an array.

    Args:
        name: The array's, for messages.
        value: The array, in one piece and of that dtype.
        dtype: A NumPy type.
        shape: What the shape has to be.
        written: Whether the kernel writes to it.

    Raises:
        TypeError: another dtype, or an array that does not lie in one piece.
        ValueError: another shape, or an array that may not be written to.
    """
    if value.shape != tuple(shape):
        raise ValueError(f"{name}: found shape {value.shape}; expected {tuple(shape)}")
    if written and not value.flags.writeable:
        raise ValueError(f"{name}: found a read-only array; expected one to write to")
    try:
        return pointer(value, dtype, _KINDS[np.dtype(dtype)])
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None


def csr(
    name: str, indptr: NDArray[np.int64], indices: NDArray[np.int32], n_rows: int | None = None
) -> Csr:
    """A sparse matrix whose entries a kernel checks as it comes to them."""
    n_rows = max(len(indptr) - 1, 0) if n_rows is None else n_rows
    made = Csr(n_rows=n_rows, nnz=len(indices))
    made.indptr = array(f"indptr of {name}", indptr, np.int64, (n_rows + 1,))
    made.indices = array(f"indices of {name}", indices, np.int32, indices.shape[:1])
    return made


def check_csr(name: str, indptr: NDArray[np.int64], indices: NDArray[np.int32]) -> int:
    """Checks, once for all calls to come, that the rows of a matrix lie in ``indices``.

    Returns:
        The number of columns that it needs: 1 more than the largest of ``indices``.

    Raises:
        DataError: ``indptr`` descends or does not span ``indices``; a negative column.
    """
    ends = (int(indptr[0]), int(indptr[-1])) if len(indptr) else (-1, -1)
    if ends != (0, len(indices)):
        found = f"a range from {ends[0]} to {ends[1]}"
        raise DataError(f"indptr of {name}", found, f"0 to {len(indices)}, the entries")
    falls = indptr[1:] < indptr[:-1]
    if falls.any():
        row = int(falls.argmax()) + 1
        found, expected = str(indptr[row]), f"at least the {indptr[row - 1]} before it"
        raise DataError(f"indptr of {name}[{row}]", found, expected)
    if not len(indices):
        return 0
    if indices.min() < 0:
        at = int(indices.argmin())
        raise DataError(f"indices of {name}[{at}]", str(indices[at]), "a column, 0 or more")
    return int(indices.max()) + 1


def call(name: str, *arguments: Any) -> None:
    """Calls the kernel ``fr_name`` and raises what its status says.

    Raises:
        MemoryError: there is no room for what it needs.
        DataError: a row number lies outside its table, or a size outside its bounds.
        OSError: the system refuses threads.
        RuntimeError: anything else.
    """
    failure = Failure()
    work = kernel(name)
    work.restype = c_int32
    status = work(*arguments, byref(failure))
    if status != _OK:
        raise _error(name, status, failure)


def opened(owner: object, kind: str, config: Structure) -> c_void_p:
    """The handle of new steps of that kind, which live as long as their owner."""
    handle = c_void_p()
    call(f"{kind}_open", byref(config), byref(handle))
    weakref.finalize(owner, kernel(f"{kind}_close"), handle)
    return handle


def _error(name: str, status: int, failure: Failure) -> Exception:
    text = failure.text.decode(errors="replace")
    if status == _NO_MEMORY:
        size = f"{failure.bytes:,} bytes" if failure.bytes else "its work space"
        return MemoryError(f"kernel {name}: no room for {size}")
    if status == _OUT_OF_RANGE:
        where = text if failure.position < 0 else f"{text}[{failure.position}]"
        expected = f"{failure.low} to {failure.high - 1}"
        if failure.high <= failure.low:
            expected = "none, for there are no rows"
        return DataError(f"kernel {name}: {where}", str(failure.value), expected)
    if status == _NO_THREADS:
        return OSError(f"kernel {name}: threads refused by the system ({text})")
    return RuntimeError(f"kernel {name}: {text}")
