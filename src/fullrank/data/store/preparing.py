"""From a table of any size to a store: three passes, each in pieces that memory holds.

1. Rows are hashed and go to files of partitions by the hash of their user.
2. Each partition: users and items numbered by the rank of their hash, pairs sorted and divided.
3. Ids in the order of their rows, and last the manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.columns import Columns
from fullrank.data.files import expanded, output
from fullrank.data.locks import part_folder
from fullrank.data.sources import is_pattern, kind_of, shown
from fullrank.data.sources.files import files_in
from fullrank.data.splits import check_fraction
from fullrank.data.store.dividing import Shares
from fullrank.data.store.files import (
    ARRAYS,
    FORMAT,
    SIDES,
    GrowingArray,
    IdParts,
    mapped,
    write_manifest,
)
from fullrank.data.store.hashing import partition_of
from fullrank.data.store.numbering import distinct
from fullrank.data.store.opening import Store
from fullrank.data.store.passes import (
    PIECE,
    Dividing,
    Each,
    Reading,
    divide_partition,
    forget,
    one_type,
    read_rows,
)
from fullrank.data.store.place import begun, check_same, moved
from fullrank.data.store.scattering import SharedHashError, drop, ids_of
from fullrank.data.write_errors import as_data_errors
from fullrank.errors import DataError, SettingError

PARTITIONS = 256
"""Of a table whose size nobody knows."""
SIZE, MOST = 1 << 22, 4096
"""Bytes of the files of a table for each partition, and the most partitions that makes."""
SALTS = 4
Progress = Callable[[str, int, int], None]
"""Receives what is done: its name, how much of it, of how much (0 where nobody knows)."""


def prepare(
    source: str | Path,
    out: str | Path,
    *,
    columns: Columns | None = None,
    test: float = 0.2,
    validation: float = 0.1,
    seed: int = 0,
    partitions: int | None = None,
    readers: int = 1,
    each: Each = map,
    progress: Progress = lambda *_: None,
) -> Store:
    """Numbers and divides a table that need not fit into memory.

    A row number is the rank of its id's hash, and a pair's part goes by a hash of both ids and the
    seed. So the store is the same whatever the order of the rows, the files that they are in and
    the numbers of partitions and readers, and a pair that is in two tables is in one part of both,
    unless train keeps it as the only one of its user.

    Args:
        source: What `fullrank.read` takes. Parquet, Arrow and objects of a store are read in
            pieces; of other formats a file at a time.
        out: Folder for the store.
        columns: Which columns to use. Weights and times are not kept, nor what is made of them.
        test: Fraction of all pairs to test on.
        validation: Fraction of the rest to choose by.
        seed: Of the division.
        partitions: Pieces in which pairs are sorted, each of which has to fit into memory; by the
            size of the files if not given.
        readers: Among how many to divide the files of a table, where there are several.
        each: As `map`: has readers and then partitions done, several at a time if it likes, by
            processes that see ``out`` and the source.
        progress: Called when one is done.

    Raises:
        DataError: the table cannot be read or used, ``out`` holds something else, or the disk is
            full.
        SettingError: a fraction is not in [0, 1), or a column is named that is not kept.
    """
    check_fraction("test", test)
    check_fraction("validation", validation)
    partitions = _partitions(source) if partitions is None else partitions
    if not 1 <= partitions <= 2**16:
        raise SettingError("setting partitions", str(partitions), "1 to 65536")
    columns = columns or Columns()
    _refuse_values(columns)
    readers = min(max(readers, 1), len(_files(source) or [""]))
    folder, shares = output(out), Shares(test, validation, seed)
    asked = {
        "source": shown(str(source)),
        "columns": columns.model_dump(mode="json", exclude_defaults=True, exclude={"query"}),
        "shares": asdict(shares),
        "seen": _seen(source),
    }
    with begun(folder) as whole, as_data_errors(folder):
        if whole is not None:
            check_same(folder, whole, asked)
            return Store.open(folder)
        with part_folder(folder / "store") as work:
            for salt in range(SALTS):
                making = _Making(work / str(salt), shares, partitions, salt)
                try:
                    known = making.run(str(source), columns, each, readers, progress)
                except SharedHashError:
                    continue
                break
            else:
                raise DataError(str(source), f"{SALTS} times two ids with one hash", "other ids")
            moved(making.store, folder)
            write_manifest(folder, {"format": FORMAT, **asked, **known})
    return Store.open(folder)


def _refuse_values(columns: Columns) -> None:
    """Raises `SettingError` for columns of which a store keeps nothing."""
    for name in ("weight", "threshold", "event", "half_life", "timestamp"):
        if getattr(columns, name) is not None:
            expected = "none: a store keeps which pairs there are, and no values of theirs"
            raise SettingError(f"setting {name}", repr(getattr(columns, name)), expected)


def _files(source: str | Path) -> list[Path] | None:
    """The files of a table on this machine; None of one elsewhere."""
    if kind_of(str(source)) != "path":
        return None
    path = expanded(source)
    found = files_in(path) if path.is_dir() or is_pattern(path) else [path]
    return [each for each in found if each.is_file()]


def _seen(source: str | Path) -> str | None:
    """A digest of names, sizes and times of the files of a table; None of what has none."""
    files = _files(source)
    if files is None:
        return None
    told = [(str(each), each.stat().st_size, each.stat().st_mtime_ns) for each in files]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _partitions(source: str | Path) -> int:
    files = _files(source)
    if files is None:
        return PARTITIONS
    return min(max(sum(each.stat().st_size for each in files) // SIZE, 1), MOST)


class _Making:
    """A store on its way.

    Args:
        work: Folder for all that is made.
        shares: How pairs are divided.
        partitions: Of users.
        salt: Of the hashes of strings.
    """

    def __init__(self, work: Path, shares: Shares, partitions: int, salt: int) -> None:
        self.store = work / "store"
        self.store.mkdir(parents=True)
        self._work = work
        self._shares = shares
        self._partitions = partitions
        self._salt = salt

    def run(
        self, source: str, columns: Columns, each: Each, readers: int, progress: Progress
    ) -> dict[str, Any]:
        """Makes everything but the manifest, and returns what belongs in it."""
        how = (self._work, self._partitions, self._salt, PIECE)
        asked = [Reading(source, columns, rank, readers, *how) for rank in range(readers)]
        found = []
        for read in each(read_rows, asked):
            found.append(read)
            progress("files read by readers", len(found), readers)
        users, items = one_type(shown(source), found)
        ranked = distinct(np.concatenate([read.items for read in found]))
        ids = {side: IdParts(self.store / side) for side in SIDES}
        ends = np.cumsum(np.bincount(partition_of(ranked, self._partitions)))
        for number, hashes in enumerate(np.split(ranked, ends[:-1])):
            ids["items"].append(ids_of(hashes, items, self._work, "items", number))
        np.save(self._work / "items.npy", ranked)
        rows = self._divide(each, users, ids["users"], progress)
        for written in ids.values():
            written.flush()
        return self._known(rows, ids)

    def _divide(self, each: Each, dtype: pl.DataType, ids: IdParts, progress: Progress) -> int:
        """Has every partition divided and appends what comes; returns how many rows there were."""
        rows, ends = 0, dict.fromkeys(self._shares.parts, 0)
        hashes = self._work / "items.npy"
        asked = [Dividing(n, self._work, hashes, self._shares) for n in range(self._partitions)]
        with ExitStack() as stack:
            arrays = {
                (part, name): stack.enter_context(
                    GrowingArray(self.store / f"{part}.{name}.npy", kind)
                )
                for part in self._shares.parts
                for name, kind in ARRAYS.items()
            }
            for part in ends:
                arrays[part, "indptr"].append(np.zeros(1, dtype=np.int64))
            for number, made in enumerate(each(divide_partition, asked)):
                ids.append(ids_of(made.users, dtype, self._work, "users", number))
                for part, degree in made.degree.items():
                    arrays[part, "indptr"].append(ends[part] + np.cumsum(degree))
                    arrays[part, "items"].append(made.items[part])
                    ends[part] += len(made.items[part])
                rows += made.rows
                drop(self._work, number)
                progress("partitions", number + 1, self._partitions)
        forget()
        return rows

    def _known(self, rows: int, ids: dict[str, IdParts]) -> dict[str, Any]:
        """Sizes and fingerprints, those of the parts as of `Interactions` in memory."""
        sizes = {side: each.length for side, each in ids.items()}
        head = f"{ids['users'].digest} {ids['items'].digest}\n".encode()
        parts: dict[str, dict[str, Any]] = {}
        for part in self._shares.parts:
            indptr = self._written(part, "indptr", sizes["users"] + 1)
            items = self._written(part, "items", int(indptr[-1]))
            sha = hashlib.sha256(head)
            sha.update(indptr.data)
            sha.update(items.data)
            parts[part] = {"pairs": len(items), "fingerprint": sha.hexdigest()[:16]}
        pairs = sum(each["pairs"] for each in parts.values())
        digests = {side: each.digest for side, each in ids.items()}
        return {"rows": rows, "pairs": pairs, **sizes, "digests": digests, "parts": parts}

    def _written(self, part: str, name: str, length: int) -> NDArray[Any]:
        return mapped(self.store / f"{part}.{name}.npy", ARRAYS[name], length)
