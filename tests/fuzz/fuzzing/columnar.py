"""Parquet and Arrow files of any bytes, wherever such files are read.

A target of its own: each case starts a child, for what polars does to a process (an allocation of
2^61 bytes ends it) can be met, and not caught.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fullrank.data.ids import Ids
from fullrank.data.readers import read, read_titles
from fuzzing import made
from fuzzing.choices import Choices
from fuzzing.embeddings import check_inspection
from fuzzing.tables import COLUMNS, check

USES = ("read", "titles", "inspect")


def reading(data: bytes, folder: Path) -> None:
    """The bytes as a file of interactions, titles or embeddings."""
    c = Choices(data)
    use, suffix, choices = c.pick(USES), c.pick((".parquet", ".arrow")), c.part(6)
    path = folder / f"file{'.parquet' if use == 'inspect' else suffix}"
    path.write_bytes(c.rest())
    if use == "read":
        check(read(path))
    elif use == "titles":
        Ids(["i1", "i2", "7"]).with_titles(read_titles(path))
    else:
        check_inspection(path, choices.flag())


def seeds() -> Iterator[bytes]:
    """Whole files for each use."""
    names = (COLUMNS[:4], ("id", "title"), ("a", "b"))
    for use, columns in enumerate(names):
        for seed in range(6):
            c = Choices(bytes([1, *((seed * 41 + k * k * 7) % 256 for k in range(160))]))
            table = made.frame(c, columns, 4)
            for kind, write in enumerate((made.parquet, made.arrow)):
                yield bytes([use, kind, *bytes(6)]) + write(c, table)
