"""Columns of ids, titles and numbers as tensors of a safetensors file.

What a folder holds can come from a stranger. In a file of this format nothing is packed: what is
read is never larger than the file, and no parser runs that could end the process, as Parquet's can.

A column of numbers is the tensor of its name. One of strings is its bytes as UTF-8, one after
another (``NAME.text``), and where each ends (``NAME.ends``); where some have no value, which have
one (``NAME.known``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from fullrank.data.plain_names import plain_name
from fullrank.errors import DataError

_NOT_READ = (
    SafetensorError,
    AttributeError,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
    OverflowError,
)
"""What safetensors raises on a damaged file."""
_PARTS = (".text", ".known")


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Writes columns of whole numbers, floats or strings.

    Raises:
        OSError: the disk is full, or the file cannot be written.
    """
    tensors: dict[str, NDArray[Any]] = {}
    for column in table:
        if column.dtype == pl.String or column.dtype == pl.Null:
            tensors |= _text(column.cast(pl.String))
        else:
            tensors[column.name] = np.ascontiguousarray(column.to_numpy())
    path.write_bytes(save(tensors))  # which takes paths that safetensors does not


def read_table(path: Path, columns: Mapping[str, bool] | None = None) -> pl.DataFrame:
    """Columns of a table, in the order in which they are asked for.

    Args:
        path: The file.
        columns: Names of the columns to read, true where one has to be there; all of the file, by
            their names, when not given.

    Raises:
        DataError: the file cannot be read, a column is missing, they are not of one length, or text
            is none; ``OSError`` stays what it is.
    """
    try:
        with plain_name(path) as plain:
            tensors = load_file(plain)
    except _NOT_READ as error:
        raise unreadable(path, error) from None
    there = sorted({name.removesuffix(".ends") for name in tensors if not name.endswith(_PARTS)})
    series = {}
    for name, needed in (columns or dict.fromkeys(there, True)).items():
        if f"{name}.ends" in tensors:
            series[name] = _strings(path, name, tensors)
        elif name in tensors:
            series[name] = _numbers(path, name, tensors[name])
        elif needed:
            raise DataError(str(path), "columns " + ", ".join(there), f"a column {name!r}")
    lengths = {name: len(each) for name, each in series.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{n} in {name}" for name, n in lengths.items())
        raise DataError(str(path), f"rows: {found}", "the same number in every column")
    return pl.DataFrame(series)


def unreadable(path: Path, error: BaseException) -> DataError:
    """The error for a file that its library does not read."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return DataError(str(path), reason, "the file that `save` wrote")


def _text(column: pl.Series) -> dict[str, NDArray[Any]]:
    known = column.is_not_null().to_numpy()
    filled = column.fill_null("")
    lengths = filled.str.len_bytes().to_numpy().astype(np.int64)
    content = "".join(filled.to_list()).encode()
    made: dict[str, NDArray[Any]] = {
        f"{column.name}.text": np.frombuffer(content, np.uint8),
        f"{column.name}.ends": np.cumsum(lengths),
    }
    return made if known.all() else made | {f"{column.name}.known": known.astype(np.uint8)}


def _strings(path: Path, name: str, tensors: Mapping[str, NDArray[Any]]) -> pl.Series:
    ends = tensors[f"{name}.ends"]
    content = tensors.get(f"{name}.text", np.empty(0, np.uint8))
    known = tensors.get(f"{name}.known", np.ones(ends.shape, np.uint8))
    fits = ends.dtype == np.int64 and content.dtype == known.dtype == np.uint8
    if not fits or ends.ndim != 1 or content.ndim != 1 or known.shape != ends.shape:
        raise _no_text(path, name)
    starts = np.concatenate([[0], ends])
    if (np.diff(starts) < 0).any() or starts[-1] != len(content):
        raise _no_text(path, name)
    joined, at = content.tobytes(), starts.tolist()
    try:
        values = [
            joined[at[k] : at[k + 1]].decode() if there else None
            for k, there in enumerate(known.tolist())
        ]
    except UnicodeDecodeError:
        raise _no_text(path, name) from None
    return pl.Series(name, values, dtype=pl.String)


def _no_text(path: Path, name: str) -> DataError:
    return DataError(f"{path}, column {name}", "no text", "strings as `save` writes them")


def _numbers(path: Path, name: str, values: NDArray[Any]) -> pl.Series:
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        found = f"{values.dtype} of shape {values.shape}"
        raise DataError(f"{path}, column {name}", found, "a column of numbers")
    return pl.Series(name, values)
