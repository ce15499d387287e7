"""Columns of ids, titles and numbers as tensors of a safetensors file.

What a folder holds can come from a stranger. In a file of this format nothing is packed: what is
read is never larger than the file, and no parser runs that could end the process, as Parquet's can.

A column of numbers is the tensor of its name. One of strings is its bytes as UTF-8, one after
another (``NAME.text``), and where each ends (``NAME.ends``); where some have no value, which have
one (``NAME.known``). Attributes of items are such columns, with their kind in the name:
``price:number``, ``categories:list``.
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

from fullrank.data.attributes import KINDS
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
_UNIT = "\x1f"
"""Stands between the parts of a list; a part has none."""
_without_unit = pl.element().str.replace_all(_UNIT, " ", literal=True)
_not_empty = pl.element().filter(pl.element().str.len_bytes() > 0)


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


def coded(attributes: pl.DataFrame) -> pl.DataFrame:
    """Attributes of items as columns of numbers and strings, for `decoded` to read.

    A number without a value is NaN, a flag is -1, 0 or 1, and lists are text with `_UNIT` between
    their parts.
    """
    kinds = {str(dtype): kind for kind, dtype in KINDS.items()}
    code = {
        "number": lambda name: pl.col(name).fill_null(float("nan")),
        "flag": lambda name: pl.col(name).cast(pl.Int8).fill_null(-1),
        "list": lambda name: pl.col(name).list.eval(_without_unit).list.join(_UNIT),
    }
    named = {name: kinds[str(dtype)] for name, dtype in attributes.schema.items()}
    return attributes.select(
        code.get(kind, pl.col)(name).alias(f"{name}:{kind}") for name, kind in named.items()
    )


def decoded(path: Path, table: pl.DataFrame) -> pl.DataFrame:
    """The attributes that `coded` gave, of a table with other columns too.

    Raises:
        DataError: a column is of another type than its name says.
    """
    made: dict[str, pl.Series] = {}
    for column in table:
        name, colon, kind = column.name.rpartition(":")
        if not colon or kind not in KINDS:
            continue
        made[name] = _decoded(path, column.rename(name), kind)
    return pl.DataFrame(made)


def _decoded(path: Path, column: pl.Series, kind: str) -> pl.Series:
    wanted = {"number": (pl.Float64,), "flag": (pl.Int8,)}.get(kind, (pl.String, pl.Null))
    if column.dtype not in wanted:
        expected = f"what a column of kind {kind} is kept as"
        raise DataError(f"{path}, column {column.name}", f"type {column.dtype}", expected)
    it = pl.col(column.name)
    decode = {
        "number": pl.when(it.is_finite()).then(it),
        "flag": pl.when(it >= 0).then(it != 0),
        "list": it.cast(pl.String).str.split(_UNIT).list.eval(_not_empty),
        "text": it.cast(pl.String),
    }
    return column.to_frame().select(decode[kind].alias(column.name)).to_series()


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
