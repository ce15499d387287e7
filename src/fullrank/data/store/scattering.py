"""Rows in pieces to files of partitions, each an equal range of the hashes of users."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.store.hashing import Hashes, integers, of_ids, partition_of

FLUSH = 1 << 24
"""Distinct strings that are held before they are written."""


class SharedHashError(Exception):
    """Two strings have one hash: another salt is needed."""


class Scattered:
    """Pairs of hashes in files, one for each partition of users.

    Args:
        folder: For the files.
        partitions: How many.
    """

    def __init__(self, folder: Path, partitions: int) -> None:
        self.folder = folder
        self.partitions = partitions
        folder.mkdir()

    def add(self, users: Hashes, items: Hashes) -> None:
        """Appends each pair to the file of its partition."""
        of = partition_of(users, self.partitions)
        small = np.uint16 if self.partitions <= 2**16 else np.int64  # sorted by radix
        order = np.argsort(of.astype(small), kind="stable")
        pairs = np.empty((len(users), 2), dtype="<u8")
        pairs[:, 0], pairs[:, 1] = users[order], items[order]
        ends = np.cumsum(np.bincount(of, minlength=self.partitions))
        for number in range(self.partitions):
            first = int(ends[number - 1]) if number else 0
            if first < ends[number]:
                with self._path(number).open("ab") as file:
                    file.write(pairs[first : ends[number]].data)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05}.pairs"


def pairs_of(work: Path, number: int) -> NDArray[np.uint64]:
    """(n, 2) the pairs of a partition of all that scattered into a folder, in no order."""
    found = [np.fromfile(path, dtype="<u8").reshape(-1, 2) for path in _files(work, number)]
    nothing = np.empty((0, 2), dtype=np.uint64)
    return found[0] if len(found) == 1 else np.concatenate([nothing, *found])


def drop(work: Path, number: int) -> None:
    """Removes the pairs of a partition, once what was made of them is kept."""
    for path in _files(work, number):
        path.unlink()


def _files(work: Path, number: int) -> list[Path]:
    return sorted((work / "rows").glob(f"*/pairs/{number:05}.pairs"))


class Raw:
    """What the ids of one side were before they were hashed, by partitions of their hashes.

    Integers need nothing: they are made of their hashes. The distinct strings are kept in files.

    Args:
        folder: For the files.
        partitions: How many.
        salt: Of the hashes.
    """

    def __init__(self, folder: Path, partitions: int, salt: int) -> None:
        self.folder = folder
        self.partitions = partitions
        self.salt = salt
        self.dtype: pl.DataType | None = None
        self._held: list[pl.Series] = []
        self._files = 0
        folder.mkdir()

    def hashes(self, ids: pl.Series) -> Hashes:
        """(n,) the hashes of ids, which are remembered."""
        self.dtype = ids.dtype
        if ids.dtype == pl.String:
            self._held.append(ids.unique())
            if sum(map(len, self._held)) > FLUSH:
                self.flush()
        return of_ids(ids, self.salt)

    def flush(self) -> None:
        """Writes what is held."""
        if not self._held:
            return
        ids = pl.concat(self._held).unique()
        self._held = []
        hashes = of_ids(ids, self.salt)
        order = np.argsort(hashes)
        table = pl.DataFrame({"hash": hashes[order], "id": ids.gather(order)})
        of = partition_of(hashes[order], self.partitions)
        ends = np.cumsum(np.bincount(of, minlength=self.partitions))
        for number, part in enumerate(np.split(np.arange(len(ids)), ends[:-1])):
            if len(part):
                home = self.folder / f"{number:05}"
                home.mkdir(exist_ok=True)
                table.slice(int(part[0]), len(part)).write_parquet(
                    home / f"{self._files:06}.parquet", compression="lz4"
                )
        self._files += 1


def ids_of(hashes: Hashes, dtype: pl.DataType, work: Path, side: str, number: int) -> pl.Series:
    """The ids of one partition of a side, whose distinct hashes are given in ascending order.

    Raises:
        SharedHashError: two strings have one hash.
    """
    if dtype != pl.String:
        return integers(hashes, dtype).rename("id")
    files = sorted((work / "rows").glob(f"*/{side}/{number:05}/*.parquet"))
    if not files:
        return pl.Series("id", [], dtype=pl.String)
    table = pl.concat([pl.read_parquet(file) for file in files]).unique().sort("hash")
    if len(table) != len(hashes):
        raise SharedHashError
    return table["id"]
