"""Word vectors: word2vec's text (GloVe's has no header) and word2vec's binary."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from fullrank.diagnosis.tables import Table
from fullrank.errors import DataError

LONGEST = 2**24
"""Bytes of the first line beyond which a file is none of words."""
LONGEST_WORD = 2**12
TEXT = "lines of a word and its numbers, after a line of two counts or none"
BINARY = "a line of two counts, then each word, a blank and its float32"


def words_text(path: Path) -> list[Table]:
    """One table; the file is read once to count its lines and once more for each pass."""
    with path.open("rb") as file:
        first = file.readline(LONGEST).split()
        counts = _counts(first)
        start = 0 if counts is None else 1
        rows = sum(1 for line in file if line.strip()) + (1 - start)
    width = len(first) - 1 if counts is None else counts[1]
    if width < 1:
        raise DataError(f"{path}, line 1", f"{len(first)} fields", TEXT)
    if counts is not None and counts[0] != rows:
        raise DataError(f"{path}, line 1", f"a count of {counts[0]} rows", f"{rows}, as there are")
    return [Table("", rows, width, partial(_text_rows, path, start, width))]


def _counts(fields: list[bytes]) -> tuple[int, int] | None:
    """Rows and width, if a line of two whole numbers says them."""
    if len(fields) != 2 or not all(each.isdigit() and len(each) < 16 for each in fields):
        return None
    return int(fields[0]), int(fields[1])


def _text_rows(path: Path, start: int, width: int, most: int) -> Iterator[Tensor]:
    with path.open("rb") as file:
        numbered = enumerate(file, start=1)
        lines = ((at, line) for at, line in numbered if at > start and line.strip())
        while part := list(islice(lines, most)):
            rows = [_numbers(path, at, line, width) for at, line in part]
            yield torch.from_numpy(np.stack(rows))


def _numbers(
    path: Path, at: int, line: bytes, width: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The last fields of a line: a word may have blanks in it."""
    fields = line.split()
    if len(fields) <= width:
        found = f"a word and {len(fields) - 1} numbers"
        raise DataError(f"{path}, line {at}", found, f"{width} numbers")
    try:
        return np.array([float(each) for each in fields[-width:]])
    except ValueError:
        raise DataError(f"{path}, line {at}", "fields that are no numbers", TEXT) from None


def words_binary(path: Path) -> list[Table]:
    """One table."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.readline(64)
    counts = _counts(header.split())
    if counts is None or not header.endswith(b"\n"):
        raise DataError(str(path), "no line of two counts (a fastText model, say)", BINARY)
    rows, width = counts
    if width < 1 or len(header) + rows * (4 * width + 1) > size:
        found = f"{size} bytes and a count of {rows} rows x {width}"
        raise DataError(str(path), found, "a file as long as it says")
    return [Table("", rows, width, partial(_binary_rows, path, rows, width))]


def _binary_rows(path: Path, rows: int, width: int, most: int) -> Iterator[Tensor]:
    with path.open("rb", buffering=2**20) as file:
        file.readline()
        for first in range(0, rows, most):
            count = min(most, rows - first)
            block = np.empty((count, width), dtype="<f4")
            for slot in range(count):
                _skip_word(path, file, first + slot)
                content = file.read(4 * width)
                if len(content) < 4 * width:
                    raise DataError(f"{path}, row {first + slot}", "the end of the file", BINARY)
                block[slot] = np.frombuffer(content, dtype="<f4")
            yield torch.from_numpy(block.astype(np.float32))


def _skip_word(path: Path, file: BinaryIO, row: int) -> None:
    for _ in range(LONGEST_WORD):
        byte = file.read(1)
        if byte == b" ":
            return
        if not byte:
            break
    raise DataError(f"{path}, row {row}", "no blank after a word", BINARY)
