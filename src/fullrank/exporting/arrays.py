"""Plain files of numbers: NumPy's, safetensors and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.plain_names import plain_name
from fullrank.exporting.vectors import Floats, Vectors

USERS, ITEMS = "users.parquet", "items.parquet"
NPZ, SAFETENSORS = "vectors.npz", "vectors.safetensors"


def write_tables(vectors: Vectors, folder: Path, *, item_vectors: bool) -> None:
    """``users.parquet`` with ids and vectors, ``items.parquet`` with ids and what is known.

    Row r of the items is what an index calls r. They have vectors too where no other file does.
    """
    users = vectors.user_ids.to_frame().with_columns(vector=_column(vectors.users))
    items = vectors.items
    if item_vectors:
        items = items.with_columns(_column(vectors.vectors).alias(free_name(items)))
    for name, frame in ((USERS, users), (ITEMS, items)):
        with plain_name(folder / name) as path:
            frame.write_parquet(path)


def free_name(items: pl.DataFrame) -> str:
    """``vector``, or the same with underscores where an attribute is called so."""
    name = "vector"
    while name in items.columns:
        name += "_"
    return name


def _column(table: Floats) -> pl.Series:
    return pl.Series("vector", table, dtype=pl.Array(pl.Float32, table.shape[1]))


def read_users(folder: Path) -> tuple[pl.Series, Floats]:
    """Ids and vectors of ``users.parquet``."""
    with plain_name(folder / USERS) as path:
        frame = pl.read_parquet(path)
    return frame["user_id"], frame["vector"].to_numpy()


def read_items(folder: Path) -> pl.DataFrame:
    """The rows of ``items.parquet``."""
    with plain_name(folder / ITEMS) as path:
        return pl.read_parquet(path)


def write_npz(vectors: Vectors, folder: Path) -> None:
    """``user_ids, users, item_ids, items``; texts as NumPy's, so that nothing is pickled."""
    arrays: dict[str, NDArray[Any]] = {
        "user_ids": plain_ids(vectors.user_ids),
        "users": vectors.users,
        "item_ids": plain_ids(vectors.item_ids),
        "items": vectors.vectors,
    }
    if "title" in vectors.items.columns:
        arrays["item_titles"] = np.array(vectors.items["title"].fill_null("").to_list(), dtype=str)
    with (folder / NPZ).open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_npz(folder: Path) -> Floats:
    """The vectors of the items."""
    with np.load(folder / NPZ, allow_pickle=False) as file:
        found: Floats = file["items"]
    return found


def plain_ids(ids: pl.Series) -> NDArray[Any]:
    """Ids as an array of integers of their type, or of text."""
    if ids.dtype == pl.String:
        return np.array(ids.to_list(), dtype=str)
    return ids.to_numpy()


def write_safetensors(vectors: Vectors, folder: Path) -> None:
    """``user_ids, users, item_ids, items``; text as UTF-8 bytes and the (n + 1,) ends of each."""
    from safetensors.numpy import save_file

    arrays = {"users": vectors.users, "items": vectors.vectors}
    for name, ids in (("user_ids", vectors.user_ids), ("item_ids", vectors.item_ids)):
        if ids.dtype != pl.String:
            arrays[name] = np.ascontiguousarray(ids.to_numpy())
            continue
        text = [each.encode() for each in ids.to_list()]
        arrays[f"{name}.bytes"] = np.frombuffer(b"".join(text), dtype=np.uint8)
        arrays[f"{name}.ends"] = np.cumsum([0, *map(len, text)], dtype=np.int64)
    with plain_name(folder / SAFETENSORS) as path:
        save_file(arrays, path)


def read_safetensors(folder: Path) -> Floats:
    """The vectors of the items."""
    from safetensors.numpy import load_file

    with plain_name(folder / SAFETENSORS) as path:
        return load_file(path)["items"]


def read_parquet(folder: Path) -> Floats:
    """The vectors of the items: the last column."""
    table: Floats = read_items(folder).to_series(-1).to_numpy()
    return table
