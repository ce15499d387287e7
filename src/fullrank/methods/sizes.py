"""Sizes that no memory forbids and that are slips all the same."""

from __future__ import annotations

from fullrank.data.memory import check_memory
from fullrank.errors import SettingError

LARGEST_BATCH = 2**16
"""Pairs of a step that nobody is asked about."""


def check_batch(size: int, n_pairs: int) -> None:
    """Sees that a batch does not repeat every interaction many times.

    Where rows of a batch meet each other, such a step would not end.

    Raises:
        SettingError: it has more than `LARGEST_BATCH` pairs, and more than there are.
    """
    most = max(LARGEST_BATCH, n_pairs)
    if size > most:
        found = f"batches of {size:,} pairs, of {n_pairs:,} interactions"
        raise SettingError("setting batch_size", found, f"at most {most:,}")


def check_tables(rows: int, dim: int, batch_size: int) -> None:
    """Sees that float32 tables of so many rows, and the rows of a batch, fit into memory.

    Raises:
        SettingError: they do not.
    """
    check_memory("setting dim", 4 * rows * dim, f"{rows:,} × {dim:,} embeddings")
    batch = batch_size * (8 * dim + 16)
    check_memory("setting batch_size", batch, f"batches of {batch_size:,} pairs")
