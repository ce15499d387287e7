"""Blocks of users out of a store: what one of several workers maps of the files."""

from __future__ import annotations

from fullrank.data.store.opening import Store, check_pairs
from fullrank.errors import SettingError
from fullrank.scale.blocks import Sizes, UserBlock, bounds


def block_of_store(
    store: Store, part: str = "train", *, workers: int = 1, rank: int = 0
) -> UserBlock:
    """The block of users that a worker owns; its pairs stay in the file until they are touched.

    Args:
        store: Opened; no ids of it are read.
        part: Which one.
        workers: Among how many the users are divided, as even as can be.
        rank: Which of them this is, from 0.

    Raises:
        SettingError: there is no such worker.
        DataError: a file is not as it was written.
    """
    if not 0 <= rank < workers:
        raise SettingError("setting rank", str(rank), f"0 to {workers - 1}")
    indptr, items = store.arrays(part)
    first, last = (int(each) for each in bounds(store.users, workers)[rank : rank + 2])
    starts = indptr[first : last + 1]
    start, stop = int(starts[0]), int(starts[-1])
    some = items[start:stop] if 0 <= start <= stop else items[:0]
    check_pairs(starts, some, start, store.items, store.folder / part)
    sizes = Sizes(store.users, store.items, store.pairs(part))
    return UserBlock(sizes, first, start, starts - start, some)
