"""Parquet and Arrow files of any bytes, wherever such files are read.

A target of its own: polars parses them, and what its parser does to a process (an allocation of
2^61 bytes ends it) cannot be mended here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from fullrank.data.ids import Ids
from fullrank.data.readers import read, read_titles
from fullrank.serving.model_files import MANIFEST
from fuzzing import made
from fuzzing.choices import Choices
from fuzzing.embeddings import check_inspection
from fuzzing.models import STEMS, bases, check_model, sign
from fuzzing.tables import COLUMNS, check

USES = ("read", "titles", "inspect", *STEMS[1:])


def reading(data: bytes, folder: Path) -> None:
    """The bytes as a file of interactions, titles or embeddings, or as a part of a model."""
    c = Choices(data)
    use, suffix, choices = c.pick(USES), c.pick((".parquet", ".arrow")), c.part(6)
    if use in STEMS:
        files = dict(choices.pick(list(bases().values())))
        manifest = json.loads(files[MANIFEST])
        sign(use, c.rest(), files, manifest)
        check_model(choices, files, manifest, folder)
        return
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
    for at, files in enumerate(bases().values()):
        entries = json.loads(files[MANIFEST])["files"]
        for stem in STEMS[1:]:
            if stem in entries:
                content = files[entries[stem]["file"]]
                yield bytes([USES.index(stem), 0, at, *bytes(5)]) + content
    names = (COLUMNS[:4], ("id", "title"), ("a", "b"))
    for use, columns in enumerate(names):
        for seed in range(6):
            c = Choices(bytes([1, *((seed * 41 + k * k * 7) % 256 for k in range(160))]))
            table = made.frame(c, columns, 4)
            for kind, write in enumerate((made.parquet, made.arrow)):
                yield bytes([use, kind, *bytes(6)]) + write(c, table)
