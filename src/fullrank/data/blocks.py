"""Long columns a block at a time.

A temporary of a block comes out of memory that the process has; one of a whole column of millions
is mapped anew each time, and its pages cost more than the work on them.
"""

from __future__ import annotations

from collections.abc import Iterator

BLOCK = 1 << 19
"""Rows of a block; a block of int64 is far below what an allocator gives back at once."""


def blocks(n: int) -> Iterator[slice]:
    """Slices that cover ``range(n)`` in order."""
    for start in range(0, n, BLOCK):
        yield slice(start, min(start + BLOCK, n))
