"""A store as what workers train on: each maps the pairs of its users out of the files."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from fullrank.data import Split
from fullrank.data.store.opening import EVALUATED, Store, check_pairs
from fullrank.data.validation import Like
from fullrank.errors import DataError, SettingError
from fullrank.scale.blocks import Sizes, UserBlock


@dataclass(frozen=True)
class Stored:
    """A `Source` that travels as a path, some numbers and fingerprints, whatever the size.

    Args:
        folder: Of the store, a path that every worker has.
        sizes: Of the training part.
        prints: What its parts and ids have been, for a worker to know the store again.
        ends: By part, the row after the last user whose pairs in it count, and the pairs up to
            there.
    """

    folder: str
    sizes: Sizes
    prints: Mapping[str, str]
    ends: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, store: Store, *, evaluated: int = EVALUATED) -> Self:
        """Reads sizes, and where the pairs of the users to evaluate on start.

        Args:
            store: Opened; neither its pairs nor its ids are read.
            evaluated: Users of the validation and the test part, as in `Store.split`.

        Raises:
            DataError: a file is not as the manifest says.
        """
        ends = {"train": (store.users, store.pairs("train"))}
        for part in (each for each in store.parts if each != "train" and store.pairs(each)):
            last = store.last_of(part, evaluated)
            whole = last == store.users
            ends[part] = last, store.pairs(part) if whole else int(store.arrays(part)[0][last])
        sizes = Sizes(store.users, store.items, store.pairs("train"))
        return cls(str(store.folder.absolute()), sizes, prints_of(store), ends)

    @property
    def parts(self) -> tuple[str, ...]:
        """See `Source`; those without pairs are none."""
        return tuple(self.ends)

    def block(self, part: str, first: int, last: int) -> UserBlock:
        """See `Source`; the pairs stay in the file until they are touched.

        Raises:
            DataError: this machine has no such store, or a file is not as it was written.
        """
        if part not in self.ends:
            raise DataError(self.folder, f"no part {part!r}", "one of " + ", ".join(self.parts))
        indptr, items = self._opened().arrays(part)
        end, pairs = self.ends[part]
        starts = indptr[first : last + 1]
        if end < last:
            starts = np.minimum(starts, pairs)
        start, stop = int(starts[0]), int(starts[-1])
        some = items[start:stop] if 0 <= start <= stop else items[:0]
        check_pairs(starts, some, start, self.sizes.items, Path(self.folder) / part)
        sizes = Sizes(self.sizes.users, self.sizes.items, pairs)
        return UserBlock(sizes, first, start, starts - start, some)

    def _opened(self) -> Store:
        """The store, as it is on the machine of this worker."""
        if not Path(self.folder).exists():
            where = f"{self.folder} on {socket.gethostname()}, the machine of a worker"
            raise DataError(where, "no such folder", "the store, under a path that all workers see")
        store = Store.open(self.folder)
        if prints_of(store) != self.prints:
            raise DataError(self.folder, "another store than that of the fit", "the same one")
        return store


def prints_of(store: Store) -> dict[str, str]:
    """The fingerprints of parts and digests of ids in a manifest.

    Raises:
        DataError: it has none.
    """
    try:
        parts = {name: str(each["fingerprint"]) for name, each in store.manifest["parts"].items()}
    except (KeyError, TypeError):
        where = str(store.folder)
        raise DataError(where, "no fingerprints", "what `data prepare` wrote") from None
    return parts | {side: str(digest) for side, digest in store.manifest["digests"].items()}


def split_of(
    store: Store, *, like: Like = "uniform", evaluated: int = EVALUATED, checked: bool = False
) -> Split:
    """The parts that a store has, as `Store.split` gives them, mapped.

    Args:
        store: Opened; its ids are read now.
        like: How the validation part is to be drawn: it is drawn already.
        evaluated: Users of the validation and the test part.
        checked: Whether to look at the pairs; of those that workers map, each checks its own.

    Raises:
        DataError: a file is not as the manifest says.
        SettingError: it is to be drawn otherwise.
    """
    fraction = 0.1 if "validation" in store.parts else 0.0  # any: the part is used as it is
    return store.split(validation=fraction, like=like, evaluated=evaluated, checked=checked)


def check_fraction(store: Store, fraction: float, workers: int) -> None:
    """Sees that what is asked for as a validation part is the one that a store has.

    One process joins it with train or draws it from train, in memory.

    Raises:
        SettingError: it is not.
    """
    there = "validation" in store.parts
    if there and not fraction:
        found = f"0, to learn from the validation part of {store.folder}, and --workers {workers}"
        expected = (
            "a fraction above 0 (the part is used as it is), a store without one, or 1 worker"
        )
        raise SettingError("option --validation", found, expected)
    if fraction and not there:
        found = f"{fraction:g} to draw from {store.folder}, which has none, and --workers {workers}"
        expected = "0, a store with one (`data prepare --validation`), or 1 worker"
        raise SettingError("option --validation", found, expected)
