"""The index of an item table as a file beside the model, which all processes map.

It is no part of the model: it is named by the numbers that it was made from, made again where it is
damaged or of other numbers, and may be removed at any time.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.data.files import replacing
from fullrank.data.locks import exclusive
from fullrank.errors import DataError
from fullrank.exporting.inverted import InvertedLists
from fullrank.service.access_log import say
from fullrank.serving.model_files import INDEX

FORMAT = 1
"""Another one for another way to build lists."""
BUILT = 3600.0
"""Seconds to wait for another process that builds the same index."""
_UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)


def lists_of(folder: Path, table: NDArray[np.float32], rows: NDArray[np.int64]) -> InvertedLists:
    """The index of a table: that of its file, or a new one, which is written.

    One process builds it, others wait and map its file. Where it cannot be written it stays in
    memory, and a line is said.

    Args:
        folder: The model folder.
        table: (n_items, d)
        rows: The items that the index is of, ascending.
    """
    key = fingerprint(table, rows)
    path = folder / INDEX / f"items-{key[:16]}.faiss"
    shape = (len(rows), table.shape[1])
    found = _opened(path, key, shape)
    if found is not None:
        return found
    built: list[InvertedLists] = []
    try:
        with exclusive(path.parent, "building an index", folder=True, wait=BUILT):
            found = _opened(path, key, shape)
            if found is None:
                built.append(_built(table, rows))
                _write(built[0], path, key)
                found = _opened(path, key, shape)
            if found is not None:
                _remove_others(path)
                return found
    except (DataError, OSError, RuntimeError) as error:
        say(f"index: not written, kept in the memory of each process: {error}")
    return built[0] if built else _built(table, rows)


def fingerprint(table: NDArray[np.float32], rows: NDArray[np.int64]) -> str:
    """Of the numbers that an index is made from, and of how."""
    digest = hashlib.sha256(f"{FORMAT} {table.shape} {len(rows)}".encode())
    digest.update(np.ascontiguousarray(rows).data)
    digest.update(np.ascontiguousarray(table).data)
    return digest.hexdigest()


def _built(table: NDArray[np.float32], rows: NDArray[np.int64]) -> InvertedLists:
    say(f"index: being made of {len(rows):,} items")
    return InvertedLists.of(table if len(rows) == len(table) else table[rows])


def _opened(path: Path, key: str, shape: tuple[int, int]) -> InvertedLists | None:
    """The index of a file; None where there is none, or not this one, or not whole."""
    try:
        said: Any = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if said["fingerprint"] != key or said["sha256"] != _sha256(path):
            return None
        found = InvertedLists.open(path)
        return found if found.shape == shape else None
    except _UNUSABLE:
        return None


def _write(lists: InvertedLists, path: Path, key: str) -> None:
    with replacing(path) as part:
        lists.write(part)
        said = {"fingerprint": key, "sha256": _sha256(part)}
    with replacing(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(said) + "\n", encoding="utf-8")


def _remove_others(path: Path) -> None:
    """Removes what is of older tables; who maps it keeps it."""
    for other in path.parent.glob("items-*"):
        if other.stem != path.stem:
            with suppress(OSError):
                other.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
