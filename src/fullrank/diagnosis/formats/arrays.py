"""NumPy's ``.npz``, and ``.npy``, mapped anew for each block: a long table stays out of memory."""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as layout
from torch import Tensor

from fullrank.data.memory import check_memory
from fullrank.diagnosis.tables import Table, check_real, numeric, two_dimensional
from fullrank.errors import DataError

VERSIONS = {(1, 0): layout.read_array_header_1_0, (2, 0): layout.read_array_header_2_0}


def npy(path: Path) -> list[Table]:
    """One table."""
    with path.open("rb") as file:
        begin = file.read(len(layout.MAGIC_PREFIX))
    if begin != layout.MAGIC_PREFIX:
        raise DataError(str(path), "a damaged file", "a numeric array in .npy format")
    array = _mapped(path)
    check_real(path, array.dtype)
    shape = two_dimensional(path, array.shape)
    return [Table.sliced("", shape, partial(_rows, path, shape))]


def _mapped(path: Path) -> Any:
    try:
        # Mapped, so that a header which promises more than the file holds cannot fill the memory.
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy evaluates the header, which may raise anything
        reason = "pickled objects" if "object" in str(error).lower() else "a damaged file"
        raise DataError(str(path), reason, "a numeric array in .npy format") from None


def _rows(path: Path, shape: tuple[int, int], first: int, end: int) -> Tensor:
    """A copy of some rows. The mapping ends with the call, and with it the memory of its pages."""
    array = _mapped(path)
    if array.shape != shape:
        raise DataError(str(path), "a file that changes while it is read", "one that stays")
    return numeric(path, np.array(array[first:end]))


def npz(path: Path) -> list[Table]:
    """The arrays of two dimensions, each by its name."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            shapes = {name: _header(archive, name) for name in names}
            flat = {name: shape for name, shape in shapes.items() if len(shape) == 2}
            return [Table.of(_member(path, archive, name), name[:-4]) for name in flat] or [
                _nothing(path, shapes)
            ]
    except DataError:
        raise
    except Exception as error:  # of the archive, its compression or a header
        reason = "pickled objects" if "object" in str(error).lower() else "a damaged file"
        raise DataError(str(path), reason, "numeric arrays in .npz format") from None


def _nothing(path: Path, shapes: dict[str, tuple[int, ...]]) -> Table:
    found = ", ".join(f"{name[:-4]} {shape}" for name, shape in shapes.items())
    raise DataError(str(path), found or "no arrays", "an array with two dimensions")


def _header(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    """The shape of an array, once its member is seen to be as long as that needs."""
    with archive.open(name) as member:
        shape, _, kind = VERSIONS[layout.read_magic(member)](member)
        needed = int(np.prod(shape, dtype=object)) * kind.itemsize
        if min(shape, default=0) < 0 or member.tell() + needed > archive.getinfo(name).file_size:
            raise ValueError("shorter than its header says")
    return tuple(shape)


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> Tensor:
    check_memory(str(path), archive.getinfo(name).file_size, f"array {name[:-4]}")
    with archive.open(name) as member:
        return numeric(path, layout.read_array(member, allow_pickle=False))
