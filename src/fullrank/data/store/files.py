"""The files of a store: arrays that grow as they are written, ids in parts, and the manifest."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.files import replacing
from fullrank.errors import DataError

MANIFEST = "store.json"
FORMAT = 1
ARRAYS = {"indptr": "<i8", "items": "<i4"}
"""Those of a part, and their types."""
SIDES = ("users", "items")
IDS_A_FILE = 1 << 20


class GrowingArray:
    """An ``.npy`` file in one dimension that is written from front to back.

    Args:
        path: The file.
        dtype: Little-endian type of its values.
    """

    def __init__(self, path: Path, dtype: str) -> None:
        self._dtype = np.dtype(dtype)
        self._file = path.open("wb")
        self._room = self._header(0)
        self.length = 0

    def _header(self, length: int) -> int:
        """Writes it where the file stands; NumPy leaves room for any length."""
        shape = {"descr": self._dtype.str, "fortran_order": False, "shape": (length,)}
        np.lib.format.write_array_header_1_0(self._file, shape)
        return self._file.tell()

    def append(self, values: NDArray[Any]) -> None:
        """Writes values after those that are there."""
        self._file.write(np.ascontiguousarray(values, dtype=self._dtype).data)
        self.length += len(values)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._file:
            self._file.seek(0)
            if self._header(self.length) != self._room:
                raise RuntimeError("the header of an array grew")
            self._file.flush()
            os.fsync(self._file.fileno())


class IdParts:
    """Ids in the order of their rows, as Parquet files named by the first row of each.

    Args:
        folder: For the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: list[pl.Series] = []
        self._digest = hashlib.sha256()
        self.length = 0
        folder.mkdir()

    def append(self, ids: pl.Series) -> None:
        """Adds ids after those that are there."""
        self._held.append(ids)
        if sum(map(len, self._held)) >= IDS_A_FILE:
            self.flush()

    def flush(self) -> None:
        """Writes what is held."""
        if not self._held:
            return
        ids = pl.concat(self._held).rename("id")
        self._held = []
        for start in range(0, len(ids), 100_000):
            text = ids.slice(start, 100_000).cast(pl.String).to_list()
            self._digest.update("".join(f"{each}\n" for each in text).encode())
        ids.to_frame().write_parquet(self._folder / f"{self.length:012}.parquet")
        self.length += len(ids)

    @property
    def digest(self) -> str:
        """As `fullrank.data.Ids.digest`, of all that was written."""
        return self._digest.hexdigest()


def mapped(path: Path, dtype: str, length: int) -> NDArray[Any]:
    """An array of a store, of which only what is touched comes into memory.

    Raises:
        DataError: it is not there, or not the array that the manifest says.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r" if length else None)
    except (OSError, ValueError, EOFError) as error:
        reason = (str(error).splitlines() or ["nothing"])[0]
        raise DataError(str(path), f"no array ({reason})", "the one that was written") from None
    if array.dtype != np.dtype(dtype) or array.shape != (length,):
        found = f"{array.dtype} of shape {array.shape}"
        raise DataError(str(path), found, f"{dtype} of shape ({length},)")
    return np.asarray(array)


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Makes a store of the files in a folder: the last thing that is written."""
    with replacing(folder / MANIFEST) as part:
        part.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """What is known of a store.

    Raises:
        DataError: there is none, or one that was made by another version of the format.
    """
    path = folder / MANIFEST
    if folder.is_dir() and not path.exists():
        found = "a folder without store.json: no store, or one that was not finished"
        raise DataError(str(folder), found, "a whole one: `data prepare` makes it")
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        form = known["format"]
    except (OSError, ValueError, TypeError, KeyError):
        raise DataError(str(path), "no manifest of a store", "what `data prepare` wrote") from None
    if form != FORMAT:
        raise DataError(str(path), f"a store of format {form}", f"format {FORMAT}: prepare it anew")
    return dict(known)
