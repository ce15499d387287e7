"""Whether the double quotes of a delimited file are all where a fast parser reads them rightly."""

from __future__ import annotations

import numpy as np

from fullrank.data.readers.text import Text

QUOTE, NEWLINE = 0x22, 0x0A


def plainly_quoted(text: Text, separator: str) -> bool:
    """Whether quotes stand around whole fields only, and each field ends on its line.

    Counted from the start of a line, the first quote of each two must follow a field's start or the
    quote before it, and the second must be followed by a field's end or the next quote.
    """
    return all(_plain(block, ord(separator)) for block in text.blocks())


def _plain(block: bytes, separator: int) -> bool:
    """As `plainly_quoted`, of whole lines."""
    if b'"' not in block:
        return True
    block = block.replace(b"\r\n", b"\n")
    if b"\r" in block:
        return False
    around = np.frombuffer(b"\n" + block + b"\n", dtype=np.uint8)
    at = np.flatnonzero(around == QUOTE)
    if len(at) % 2:
        return False
    opening, closing = at[::2], at[1::2]
    line_ends = np.flatnonzero(around == NEWLINE)
    if (np.searchsorted(line_ends, opening) != np.searchsorted(line_ends, closing)).any():
        return False
    before, after = around[opening - 1], around[closing + 1]
    doubled = np.zeros(len(opening) + 1, dtype=np.bool_)
    doubled[1:-1] = opening[1:] == closing[:-1] + 1
    starts = (before == separator) | (before == NEWLINE) | doubled[:-1]
    ends = (after == separator) | (after == NEWLINE) | doubled[1:]
    return bool((starts & ends).all())
