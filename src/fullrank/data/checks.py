"""The border of `Interactions` and `Ids`: one pass over arrays that come from outside.

What passes carries its invariants from here on; compiled code reads nothing that has not passed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from fullrank.data.columns import checked_ids
from fullrank.data.location import SourceLocation
from fullrank.data.order import Pairs
from fullrank.errors import DataError

MOST_ROWS = np.iinfo(np.int32).max
"""Users or items that there can be: item rows are int32."""

_LARGEST = float(np.finfo(np.float32).max)


def check_ids(*sides: Any) -> None:
    """Raises `DataError` where users or items are not of `fullrank.Ids`."""
    for ids in sides:
        if not isinstance(getattr(ids, "values", None), pl.Series):
            found = f"users or items of type {type(ids).__name__}"
            raise DataError("interactions", found, "fullrank.Ids")


def pairs_of(
    shape: tuple[int, int],
    indptr: ArrayLike,
    item_idx: ArrayLike,
    weight: ArrayLike | None,
    timestamp: ArrayLike | None,
    merged: int,
) -> Pairs:
    """Copies of the parts of a CSR matrix of users × items, of which everything was checked.

    Raises:
        DataError: a part has another shape or dtype, a row number is out of range, or the items of
            a user are not in ascending order, each once.
    """
    n_users, n_items = shape
    each = row_numbers("item_idx", item_idx, n_items).astype(np.int32)
    starts = row_pointers(indptr, n_users, len(each))
    check_ascending(starts, each)
    weight, timestamp = values_of(weight, timestamp, len(each))
    weight = None if weight is None else weight.astype(np.float32)
    return Pairs(starts, each, weight, timestamp, merged)


def row_numbers(name: str, rows: ArrayLike, n: int) -> NDArray[Any]:
    """Row numbers below ``n`` as a flat array of integers.

    Raises:
        DataError: they are not whole numbers, not in one dimension, or out of range.
    """
    array = np.asarray(rows)
    if array.ndim != 1 or not (array.dtype.kind in "iu" or not array.size):
        found = f"{array.dtype} of shape {array.shape}"
        raise DataError(name, found, "row numbers: integers in one dimension")
    if not array.size:
        return array.astype(np.int64)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= n:
        at = int(array.argmin() if low < 0 else array.argmax())
        hint = " (rows count from 0)" if low == 1 and high == n else ""
        found = f"row {low if low < 0 else high} at position {at}"
        raise DataError(name, found, f"{_range(n)}{hint}")
    return array


def check_lengths(user_idx: NDArray[Any], item_idx: NDArray[Any]) -> None:
    """Raises `DataError` where there is not one item row for each user row."""
    if len(user_idx) != len(item_idx):
        found = f"{len(user_idx)} user rows and {len(item_idx)} item rows"
        raise DataError("interactions", found, "one of each for every pair")


def values_of(
    weight: ArrayLike | None, timestamp: ArrayLike | None, n: int
) -> tuple[NDArray[np.float64] | None, NDArray[Any] | None]:
    """Copies of the weight and the time of each of ``n`` pairs; times as int64 or float64.

    Raises:
        DataError: there is not one number for each pair, one is not finite, a weight is negative or
            beyond float32, or a time beyond int64.
    """
    if weight is not None:
        weight = _numbers("weights", weight, n).astype(np.float64)
        _refuse("weights", weight, ~((weight >= 0) & (weight <= _LARGEST)), "zero or more")
    if timestamp is not None:
        times = _numbers("timestamps", timestamp, n)
        _refuse("timestamps", times, ~np.isfinite(times), "a finite number")
        if times.dtype.kind == "u":
            _refuse("timestamps", times, times > np.iinfo(np.int64).max, "a number within int64")
        timestamp = times.astype(np.float64 if times.dtype.kind == "f" else np.int64)
    return weight, timestamp


def _numbers(name: str, values: ArrayLike, n: int) -> NDArray[Any]:
    array = np.asarray(values)
    if array.shape != (n,) or not (array.dtype.kind in "iufb" or not n):
        found = f"{array.dtype} of shape {array.shape}"
        raise DataError(name, found, f"{n} numbers, one for each pair")
    return array


def _refuse(name: str, values: NDArray[Any], bad: NDArray[np.bool_], expected: str) -> None:
    if bad.any():
        at = int(bad.argmax())
        raise DataError(f"{name}, position {at}", str(values[at]), expected)


def row_pointers(indptr: ArrayLike, n_users: int, n_entries: int) -> NDArray[np.int64]:
    """The start of each user's entries and the end of the last, from 0 to ``n_entries``.

    Raises:
        DataError: there is not one for each user, or they do not rise from 0 to ``n_entries``.
    """
    array = np.asarray(indptr)
    if array.shape != (n_users + 1,) or array.dtype.kind not in "iu":
        found = f"{array.dtype} of shape {array.shape}"
        raise DataError("indptr", found, f"{n_users + 1} integers, one more than there are users")
    array = array.astype(np.int64)
    if array[0] != 0 or array[-1] != n_entries or (array[1:] < array[:-1]).any():
        found = f"starts from {array[0]} to {array[-1]}"
        raise DataError("indptr", found, f"starts in ascending order from 0 to {n_entries}")
    return array


def check_ascending(indptr: NDArray[np.int64], item_idx: NDArray[np.int32]) -> None:
    """Raises `DataError` where a user's item rows are not in order, each there once."""
    falls = np.flatnonzero(item_idx[1:] <= item_idx[:-1]) + 1
    # The first item of a user may be lower than the last of the user before.
    wrong = falls[indptr[np.searchsorted(indptr, falls)] != falls]
    if len(wrong):
        at = int(wrong[0])
        user = int(np.searchsorted(indptr, at, side="right")) - 1
        found = f"item row {item_idx[at]} after {item_idx[at - 1]}"
        expected = "item rows in ascending order, each once (from_rows and from_scipy sort)"
        raise DataError(f"interactions of user row {user}", found, expected)


def entries_of(entries: ArrayLike, n: int) -> NDArray[np.int64]:
    """The positions, ascending, that a mask over ``n`` entries or a list of positions names.

    Raises:
        DataError: a mask of another length, a position out of range or there twice.
    """
    array = np.asarray(entries)
    if array.dtype == np.bool_:
        if array.shape != (n,):
            raise DataError("entries", f"a mask of shape {array.shape}", f"one of shape ({n},)")
        return np.flatnonzero(array)
    at = np.sort(row_numbers("entries", array, n)).astype(np.int64)
    twice = np.flatnonzero(at[1:] == at[:-1])
    if len(twice):
        raise DataError("entries", f"position {at[twice[0]]} twice", "each position once")
    return at


def distinct_ids(values: Any, name: str = "ids") -> pl.Series:
    """The ids of rows: strings or integers, each there once.

    Raises:
        DataError: they are not, or there are more than rows can be numbered.
    """
    if isinstance(values, np.ndarray):
        values = values.copy()  # of which a series is a view
    try:
        raw = values if isinstance(values, pl.Series) else pl.Series(name, values)
    except (TypeError, ValueError, pl.exceptions.PolarsError):
        found = f"a {type(values).__name__} of mixed or other values"
        raise DataError(name, found, "strings or integers") from None
    if not len(raw):
        return raw if raw.dtype == pl.String or raw.dtype.is_integer() else raw.cast(pl.String)
    if len(raw) > MOST_ROWS:
        raise DataError(name, f"{len(raw)} of them", f"at most {MOST_ROWS}")
    ids = checked_ids(raw, SourceLocation(name), raw.name or "id")
    if ids.n_unique() < len(ids):
        again = ids.is_first_distinct().not_().arg_max() or 0
        raise DataError(f"{name}, position {again}", f"{ids[again]!r} again", "distinct ids")
    return ids


def sparse_pairs(matrix: Any) -> sp.coo_array:
    """The pairs of a SciPy matrix (or an array), once every part of it was looked at.

    SciPy itself checks no column number of a compressed matrix that is made of its parts, and where
    the last of its row pointers is zero, none of the others either.

    Raises:
        DataError: it is no matrix of numbers, or its parts do not fit together.
    """
    try:
        if hasattr(matrix, "check_format"):
            matrix.check_format(full_check=True)
        if hasattr(matrix, "indptr") and (matrix.indptr[1:] < matrix.indptr[:-1]).any():
            raise ValueError("row pointers that fall")
        coo = sp.coo_array(matrix)
    except (ValueError, TypeError, IndexError) as error:
        raise DataError("sparse matrix", str(error), "a SciPy matrix that fits together") from None
    if coo.ndim != 2 or coo.data.dtype.kind not in "biuf":
        found = f"{coo.data.dtype} in {coo.ndim} dimension(s)"
        raise DataError("sparse matrix", found, "numbers in rows and columns")
    for name, rows, n in (("rows", coo.row, coo.shape[0]), ("columns", coo.col, coo.shape[1])):
        row_numbers(f"sparse matrix, {name}", rows, n)
    return coo


def _range(n: int) -> str:
    return f"rows from 0 to {n - 1}" if n else "no row: there are none"
