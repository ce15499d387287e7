"""``.fvecs``, as nearest-neighbour benchmarks have it: each row its width, then its float32."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fullrank.diagnosis.tables import Table
from fullrank.errors import DataError

EXPECTED = "rows of an int32 width and as many float32, all of one width"


def fvecs(path: Path) -> list[Table]:
    """One table."""
    size = path.stat().st_size
    begin = np.fromfile(path, dtype="<i4", count=1)
    width = int(begin[0]) if len(begin) else 0
    if width < 1 or size % (4 * width + 4):
        raise DataError(str(path), f"{size} bytes that begin with the number {width}", EXPECTED)
    shape = (size // (4 * width + 4), width)
    return [Table.sliced("", shape, partial(_rows, path, width))]


def _rows(path: Path, width: int, first: int, end: int) -> Tensor:
    count, step = (end - first) * (width + 1), 4 * (width + 1)
    packed = np.fromfile(path, dtype="<i4", count=count, offset=first * step)
    packed = packed.reshape(-1, width + 1)
    wrong = packed[:, 0] != width
    if wrong.any():
        row = int(wrong.argmax())
        found = f"a row of width {packed[row, 0]}"
        raise DataError(f"{path}, row {first + row}", found, f"{width}, as the first")
    return torch.from_numpy(packed[:, 1:].copy().view("<f4").astype(np.float32))
