"""The pairs of a table as a safetensors file that is written a block at a time.

The file is byte for byte the one that `write_table` makes of the same columns; pairs that are
mapped from a file are never in memory together.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fullrank.data.blocks import blocks
from fullrank.data.interactions import Interactions

_NAMES = {"i4": "I32", "i8": "I64", "f4": "F32", "f8": "F64"}
"""What safetensors calls the types that pairs have."""


class _Column(NamedTuple):
    name: str
    dtype: np.dtype[Any]
    of: Callable[[slice], NDArray[Any]]
    """Its values for some pairs."""


def write_pairs(path: Path, part: Interactions, *, counted: bool = True) -> None:
    """Writes ``user_row`` and ``item_row``, and ``weight`` and ``timestamp`` where there are some.

    Without weights, a pair is there as often as the data have it. With weights, ``rows`` says how
    often, if ``counted``: 8 bytes a pair, which a part that is only learned from has no use for.

    Raises:
        OSError: the disk is full, or the file cannot be written.
    """
    repeats = part.rows if part.weight is None else None
    n = len(part) if repeats is None else int(repeats.sum())
    columns = _columns(part, counted=counted)
    header, start = {}, 0
    for column in columns:
        end = start + n * column.dtype.itemsize
        kind = _NAMES[column.dtype.str[1:]]
        header[column.name] = {"dtype": kind, "shape": [n], "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for column in columns:
            for block in blocks(len(part)):
                values = column.of(block)
                if repeats is not None:
                    values = np.repeat(values, repeats[block])
                file.write(np.ascontiguousarray(values, column.dtype.newbyteorder("<")).data)


def _columns(part: Interactions, *, counted: bool) -> list[_Column]:
    """In the order of safetensors: the widest first, floats of 4 bytes before integers."""
    weight, timestamp = part.weight, part.timestamp
    row, repeats = np.dtype(np.int32), part.rows if weight is not None and counted else None
    columns = [
        _Column("item_row", row, lambda block: part.item_idx[block]),
        _Column("user_row", row, lambda block: _users_of(part.indptr, block)),
    ]
    if weight is not None:
        columns.insert(0, _Column("weight", weight.dtype, lambda block: weight[block]))
    if timestamp is not None:
        columns.insert(0, _Column("timestamp", timestamp.dtype, lambda block: timestamp[block]))
    if repeats is not None:
        columns.insert(0, _Column("rows", repeats.dtype, lambda block: repeats[block]))
    return columns


def _users_of(indptr: NDArray[np.int64], block: slice) -> NDArray[np.int64]:
    """The user row of each of some consecutive pairs.

    >>> _users_of(np.array([0, 2, 2, 5, 6]), slice(1, 5)).tolist()
    [0, 2, 2, 2]
    """
    first = int(np.searchsorted(indptr, block.start, "right")) - 1
    last = int(np.searchsorted(indptr, block.stop, "left"))
    ends = np.clip(indptr[first : last + 1], block.start, block.stop)
    return np.repeat(np.arange(first, last), np.diff(ends))
