"""Hashes of ids that are the same on every machine, in every version and for every order of rows.

polars' and Python's own hashes are not: they may change from a version or a process to the next.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.blocks import blocks

Hashes = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_FIRST_BACK, _SECOND_BACK = (np.uint64(pow(int(each), -1, 2**64)) for each in (_FIRST, _SECOND))
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)
WORD = 8
"""Bytes of an id that are mixed in at a time."""
_SPAN = 2**64
_MASKS = np.array([2 ** (8 * size) - 1 for size in range(WORD + 1)], dtype=np.uint64)
"""What keeps the first bytes of a word, by how many."""


def mixed(values: Hashes) -> Hashes:
    """(n,) the output function of SplitMix64: a bijection of 64 bits, so no two collide.

    Source: Steele, Lea & Flood, OOPSLA 2014, with the constants of Stafford's variant 13.
    """
    made = np.empty_like(values)
    for block in blocks(len(values)):
        x = values[block] ^ (values[block] >> _30)
        x *= _FIRST
        x ^= x >> _27
        x *= _SECOND
        made[block] = x ^ (x >> _31)
    return made


def unmixed(values: Hashes) -> Hashes:
    """(n,) what `mixed` was given."""
    made = np.empty_like(values)
    for block in blocks(len(values)):
        x = _unshifted(values[block], 31)
        x *= _SECOND_BACK
        x = _unshifted(x, 27)
        x *= _FIRST_BACK
        made[block] = _unshifted(x, 30)
    return made


def _unshifted(x: Hashes, by: int) -> Hashes:
    """What ``x ^ (x >> by)`` was made of; two steps are enough from 22 bits on."""
    back = x ^ (x >> np.uint64(by))
    return back ^ (x >> np.uint64(2 * by)) if 2 * by < 64 else back


def of_ids(ids: pl.Series, salt: int = 0) -> Hashes:
    """(n,) the hash of each id, of a string or integer type.

    Integers of all widths that are equal have one hash, and no two others share one. Strings may
    share one, at a chance of 2^-64 a pair; another ``salt`` then keeps them apart.
    """
    if ids.dtype != pl.String:
        return mixed(_bits(ids) + _GOLDEN)
    made = np.empty(len(ids), dtype=np.uint64)
    for block in blocks(len(ids)):
        made[block] = _of_strings(ids[block], salt)
    return made


def integers(hashes: Hashes, dtype: pl.DataType) -> pl.Series:
    """The integers whose hashes these are."""
    bits = unmixed(hashes) - _GOLDEN
    return pl.Series(bits if dtype == pl.UInt64 else bits.view(np.int64)).cast(dtype)


def _bits(ids: pl.Series) -> Hashes:
    if ids.dtype == pl.UInt64:
        return ids.to_numpy()
    return ids.cast(pl.Int64).to_numpy().view(np.uint64)


def _of_strings(ids: pl.Series, salt: int) -> Hashes:
    """The length, then word by word the bytes, the last word filled up with zeros."""
    length = ids.str.len_bytes().to_numpy().astype(np.int64)
    content = (ids.str.join("")[0] or "").encode() + b"\0" * WORD
    # A word begins at every byte: a view of the text that steps by one.
    words = np.ndarray((len(content) - WORD + 1,), dtype="<u8", buffer=content, strides=(1,))
    starts = np.cumsum(length) - length
    made = mixed(length.astype(np.uint64) + np.uint64(salt * int(_GOLDEN) % _SPAN))
    for begun in range(0, int(length.max(initial=0)), WORD):
        longer = np.flatnonzero(length > begun)
        left = length[longer] - begun
        kept = words[starts[longer] + begun] & _MASKS[np.minimum(left, WORD)]
        made[longer] = mixed(made[longer] ^ kept)
    return made


def of_pairs(users: Hashes, items: Hashes, seed: int) -> Hashes:
    """(n,) a hash of each pair of ids and a seed; that of another seed is independent of it."""
    key = np.uint64((seed * int(_FIRST) + int(_SECOND)) % _SPAN)
    return mixed(mixed(users ^ key) + items)


def below(share: float) -> np.uint64:
    """The bound below which hashes are this share of all."""
    return np.uint64(min(round(share * _SPAN), _SPAN - 1))


def partition_of(hashes: Hashes, partitions: int) -> NDArray[np.int64]:
    """(n,) in which of equal ranges of all hashes each lies, ascending with the hash."""
    return ((hashes >> np.uint64(32)) * np.uint64(partitions) >> np.uint64(32)).astype(np.int64)
