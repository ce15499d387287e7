"""A model folder is somebody's files: each part is checked for what the rest of the code relies on.

Checksums say that a folder is as it was written, and not by whom. What is read here is right in its
types, shapes and row numbers, or refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from fullrank.data.checks import MOST_ROWS, row_numbers, row_pointers
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.order import read_only
from fullrank.data.plain_names import plain_name
from fullrank.data.stored_tables import decoded, read_table, unreadable
from fullrank.errors import DataError

LARGEST_MANIFEST = 2**28
"""Bytes; the history of a long training takes a few MiB."""
_COUNTS = ("epochs", "best_epoch", "folded_in", "rows_without_interactions")
_NUMBERS = (*_COUNTS, "effective_rank", "effective_rank_all_rows", "validation_ndcg@20")
_FILE = {"file": str, "sha256": str, "bytes": int}


def manifest_of(path: Path) -> dict[str, Any]:
    """The JSON in a file; that it is an object shows where its parts are asked for.

    Raises:
        ValueError: it is none, too large or too deep, or holds text that cannot be written again.
        OSError: the file cannot be read.
    """
    if path.stat().st_size > LARGEST_MANIFEST:
        raise ValueError
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        json.JSONEncoder(ensure_ascii=False).encode(manifest).encode()
    except RecursionError:
        raise ValueError from None
    return manifest


def check_files(path: Path, files: Mapping[str, Any], own: str) -> None:
    """Sees that each entry names a file of the folder, its size and its checksum.

    Raises:
        DataError: one names a path elsewhere, or the manifest ``own`` itself.
        TypeError: one is of another type.
    """
    for entry in files.values():
        if not all(isinstance(entry[key], kind) for key, kind in _FILE.items()):
            raise TypeError
        name = entry["file"]
        usable = Path(name).name == name and len(name.encode()) <= 255 and "\0" not in name
        if not usable or name in ("", "..", own):
            raise DataError(str(path), f"the path {name[:80]!r}", "the name of a file of the model")


def check_metadata(manifest: Mapping[str, Any]) -> None:
    """Sees that what is shown of a model is of the types in which it is shown.

    Raises:
        TypeError, ValueError: it is not.
    """
    training, metrics = manifest["training"], manifest["metrics"].get("metrics", {})
    engine = training.get("engine")
    name = manifest["data"].get("name")
    right = (
        (engine is None or isinstance(engine["name"], str))
        and (name is None or isinstance(name, str))
        and all(_number(training.get(key)) for key in _NUMBERS)
        and all(isinstance(training.get(key), int | None) for key in _COUNTS)
        and all(_number(value) and value is not None for value in metrics.values())
    )
    if not right:
        raise TypeError
    for key in metrics:
        int(key.partition("@")[2] or 0)


def read_tables(path: Path) -> dict[str, Tensor]:
    """The tensors of a file.

    Raises:
        DataError: it cannot be read as safetensors.
    """
    try:
        with plain_name(path) as name:
            return load_file(name)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, OverflowError) as error:
        raise unreadable(path, error) from None


def read_ids(path: Path) -> Ids:
    """The ids of a side, with their titles and other attributes where there are some.

    Raises:
        DataError: they are not distinct strings or integers, titles are no strings, or another
            attribute is not of the kind that it is named by.
    """
    table = read_table(path)
    if "id" not in table.columns:
        raise DataError(str(path), "columns " + ", ".join(table.columns), "a column 'id'")
    others = decoded(path, table)
    title = table["title"] if "title" in table.columns else None
    if title is not None and title.dtype not in (pl.String, pl.Null):
        raise DataError(str(path), f"titles of type {title.dtype}", "strings")
    try:
        ids = Ids(table["id"], title)
        return ids.with_attributes(others.with_columns(id=ids.values)) if len(others) else ids
    except DataError as error:
        raise DataError(f"{path}, {error.where}", error.found, error.expected) from None


def read_part(path: Path, users: Ids, items: Ids) -> Interactions:
    """The pairs of row numbers of a part.

    Raises:
        DataError: they are not row numbers of these users and items.
    """
    wanted = {"user_row": True, "item_row": True, "weight": False, "timestamp": False}
    table = read_table(path, wanted | {"rows": False})
    for name in ("user_row", "item_row"):
        kind = table.schema[name]
        if not kind.is_integer():
            raise DataError(f"{path}, column {name}", f"row numbers of type {kind}", "integers")
    if "weight" in table.columns and not table.schema["weight"].is_float():
        kind = table.schema["weight"]
        raise DataError(f"{path}, column weight", f"weights of type {kind}", "floats")
    rows = (table[name].to_numpy() for name in ("user_row", "item_row"))
    values = {
        name: table[name].to_numpy() for name in ("weight", "timestamp") if name in table.columns
    }
    try:
        made = Interactions.from_rows(users, items, *rows, **values)
    except DataError as error:
        raise DataError(f"{path}, {error.where}", error.found, error.expected) from None
    return made if "rows" not in table.columns else _repeated(path, made, table)


def _repeated(path: Path, made: Interactions, table: pl.DataFrame) -> Interactions:
    """The pairs with the number of input rows of each, which stands beside them in the file."""
    repeats = table["rows"]
    counts = repeats.dtype == pl.Int64 and bool(repeats.is_between(1, MOST_ROWS).all())
    same = len(made) == len(table) and (made.item_idx == table["item_row"].to_numpy()).all()
    if not counts or not same or not (made.user_idx == table["user_row"].to_numpy()).all():
        found = "no counts of pairs in order, each once"
        raise DataError(f"{path}, column rows", found, "what `save` wrote")
    made.rows = read_only(repeats.to_numpy())
    made.merged = int(made.rows.sum()) - len(made)
    return made


def tensor(
    tensors: Mapping[str, Tensor], name: str, dtype: torch.dtype, shape: tuple[int | None, ...]
) -> Tensor:
    """A tensor of the folder, of this dtype and shape; None stands for any length above 0.

    Raises:
        DataError: it is not there, or is another.
    """
    where, wanted = f"tables of the model, tensor {name}", "×".join(str(n or "n") for n in shape)
    expected = f"{str(dtype).removeprefix('torch.')} of shape {wanted}"
    if name not in tensors:
        raise DataError(where, "none", expected)
    found = tensors[name]
    fits = len(found.shape) == len(shape) and all(
        there > 0 if n is None else there == n for there, n in zip(found.shape, shape, strict=True)
    )
    if found.dtype != dtype or not fits:
        kind = str(found.dtype).removeprefix("torch.")
        raise DataError(where, f"{kind} of shape {tuple(found.shape)}", expected)
    return found


def csr_tensors(name: str, matrix: sp.csr_array) -> dict[str, Tensor]:
    """What a folder keeps of a sparse matrix, for `csr` to read."""
    parts = {"indptr": np.int64, "indices": np.int32, "data": np.float32}
    return {
        f"{name}.{part}": torch.from_numpy(getattr(matrix, part).astype(dtype))
        for part, dtype in parts.items()
    }


def csr(
    tensors: Mapping[str, Tensor], name: str, n_rows: int | None, n_columns: int
) -> sp.csr_array:
    """A sparse matrix kept as its three parts, every row and column number in range.

    Raises:
        DataError: a part is not there, or they do not fit together.
    """
    n_starts = None if n_rows is None else n_rows + 1
    starts = tensor(tensors, f"{name}.indptr", torch.int64, (n_starts,))
    nnz = tensors[f"{name}.data"].numel() if f"{name}.data" in tensors else 0
    data, indices = (
        tensor(tensors, f"{name}.{part}", dtype, (nnz,)).numpy()
        for part, dtype in (("data", torch.float32), ("indices", torch.int32))
    )
    where = f"tables of the model, {name}"
    try:
        indptr = row_pointers(starts.numpy(), len(starts) - 1, nnz)
        row_numbers("indices", indices, n_columns)
    except DataError as error:
        raise DataError(f"{where}.{error.where}", error.found, error.expected) from None
    return sp.csr_array((data, indices, indptr), shape=(len(indptr) - 1, n_columns))


def _number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not abs(value) > 1e300)
