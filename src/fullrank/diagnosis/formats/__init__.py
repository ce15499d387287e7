"""Files of embeddings, one module a format.

Nothing in them runs, and none is read before it is seen to hold what its header says.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fullrank.diagnosis.formats.arrays import npy, npz
from fullrank.diagnosis.formats.parquet import parquet
from fullrank.diagnosis.formats.tensors import pt, safetensors
from fullrank.diagnosis.formats.vectors import fvecs
from fullrank.diagnosis.formats.words import words_binary, words_text
from fullrank.diagnosis.tables import Table
from fullrank.errors import DataError

READERS: dict[str, Callable[[Path], list[Table]]] = {
    ".npy": npy,
    ".npz": npz,
    ".safetensors": safetensors,
    ".parquet": parquet,
    ".pt": pt,
    ".pth": pt,
    ".txt": words_text,
    ".vec": words_text,
    ".bin": words_binary,
    ".fvecs": fvecs,
}
EXPECTED = "a model folder, or a file that ends in " + ", ".join(READERS)


def read_tables(path: Path) -> list[Table]:
    """The tables in a file, by its suffix.

    Raises:
        DataError: there is no such file, its suffix is of no format, or it holds no numeric table.
    """
    if not path.is_file():
        raise DataError(str(path), "no such file", EXPECTED)
    if path.suffix not in READERS:
        raise DataError(str(path), f"a name that ends in {path.suffix!r}", EXPECTED)
    return READERS[path.suffix](path)
