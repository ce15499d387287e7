"""A store that is read: its arrays mapped, its ids when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.blocks import blocks
from fullrank.data.files import expanded
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.joining import joined
from fullrank.data.order import Pairs
from fullrank.data.readers.columnar import columnar
from fullrank.data.sources.address import kind_of
from fullrank.data.splits import Split
from fullrank.data.store.files import ARRAYS, MANIFEST, SIDES, mapped, read_manifest
from fullrank.data.store.place import NAMES
from fullrank.data.validation import Like, draw_validation
from fullrank.errors import DataError, SettingError

EVALUATED = 10_000
"""Users that a part to evaluate on is cut to, unless another number is asked for."""


@dataclass(frozen=True, eq=False)
class Store:
    """What `prepare` made, one folder: pairs by user in arrays, ids in Parquet files.

    Row numbers are ranks of hashes: consecutive users are as good as a sample of them.

    Args:
        folder: Where it is.
        manifest: What is in it.
    """

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Opens a store; nothing but its manifest is read.

        Raises:
            DataError: there is none, or it is not whole.
        """
        folder = expanded(folder)
        manifest = read_manifest(folder)
        made = cls(folder, manifest)
        try:
            sizes = [made.users, made.items, *(made.pairs(part) for part in made.parts)]
            good = all(isinstance(each, int) and each >= 0 for each in sizes)
            good = good and all(isinstance(manifest["digests"][side], str) for side in SIDES)
            good = (
                good
                and "train" in made.parts
                and set(made.parts) <= {n.split(".")[0] for n in NAMES}
            )
        except (KeyError, TypeError, AttributeError):
            good = False
        if not good:
            raise DataError(str(folder / MANIFEST), "no sizes", "what `data prepare` wrote")
        return made

    @property
    def users(self) -> int:
        """How many there are."""
        return self.manifest["users"]  # type: ignore[no-any-return]  # checked by `open`

    @property
    def items(self) -> int:
        """How many there are."""
        return self.manifest["items"]  # type: ignore[no-any-return]

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts that there are: train, and validation and test if asked for."""
        return tuple(self.manifest["parts"])

    def pairs(self, part: str) -> int:
        """How many a part has."""
        return self.manifest["parts"][part]["pairs"]  # type: ignore[no-any-return]

    @cached_property
    def user_ids(self) -> Ids:
        """Raw ids of the user rows, read when they are first asked for."""
        return self._ids("users")

    @cached_property
    def item_ids(self) -> Ids:
        """Raw ids of the item rows."""
        return self._ids("items")

    def arrays(self, part: str) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """``indptr`` (users + 1,) and item rows (pairs,) of a part, mapped and not looked at.

        Raises:
            DataError: there is no such part, or a file is not as the manifest says.
        """
        if part not in self.parts:
            raise DataError(
                str(self.folder), f"no part {part!r}", "one of " + ", ".join(self.parts)
            )
        lengths = {"indptr": self.users + 1, "items": self.pairs(part)}
        indptr, items = (
            mapped(self.folder / f"{part}.{name}.npy", dtype, lengths[name])
            for name, dtype in ARRAYS.items()
        )
        return indptr, items

    def interactions(
        self, part: str = "train", *, users: int | None = None, checked: bool = True
    ) -> Interactions:
        """A part as a table whose pairs are mapped from the files.

        Args:
            part: Its name.
            users: Keep the pairs of as many users that have some in the part, a sample; the others
                have none. All if not given.
            checked: Whether to see that they are pairs of this table, which reads all of them. Of
                those that workers map, each checks its own.

        Raises:
            DataError: a file is not as it was written.
        """
        indptr, items = self.arrays(part)
        if checked:
            check_pairs(indptr, items, 0, self.items, self.folder / part)
        whole = True
        if users is not None:
            last = self.last_of(part, users)
            if last < self.users:
                end = indptr[last]
                indptr, items, whole = np.minimum(indptr, end), items[:end], False
        made = Interactions._of(self.user_ids, self.item_ids, Pairs(indptr, items))
        if whole:  # known since it was written: no need to read all of it
            made.fingerprint = self.manifest["parts"][part]["fingerprint"]
        return made

    def last_of(self, part: str, users: int) -> int:
        """The row after that of the last of so many users who have pairs in a part.

        It is the number of all users where there are not more that have some. No more is read than
        where the pairs of those users start.

        Raises:
            DataError: there is no such part, or a file is not as the manifest says.
        """
        indptr, _ = self.arrays(part)
        left = users
        for block in blocks(self.users):
            some = np.flatnonzero(np.diff(indptr[block.start : block.stop + 1]))
            if len(some) > left:
                return int(block.start + (some[left - 1] + 1 if left else 0))
            left -= len(some)
        return self.users

    def split(
        self,
        *,
        validation: float = 0.1,
        seed: int = 0,
        like: Like = "uniform",
        evaluated: int = EVALUATED,
        checked: bool = True,
    ) -> Split:
        """The parts as `fullrank.load` gives them, those to evaluate on of a sample of users.

        Args:
            validation: 0 to learn from the validation part too; where there is none, the fraction
                of train to draw it from.
            seed: Draws it.
            like: How it is drawn; see `draw_validation`.
            evaluated: Users of the validation and the test part; memory and time of an evaluation
                grow with them.
            checked: As for `interactions`.
        """
        of: dict[str, Any] = {"checked": checked}
        held = {
            part: self.interactions(part, users=evaluated, **of)
            for part in self.parts
            if part != "train"
        }
        train, chosen = self.interactions(**of), held.get("validation")
        how: dict[str, Any] = {"kind": "hash", **self.manifest["shares"]}
        how["repeated_pairs_merged"] = self.manifest["rows"] - self.manifest["pairs"]
        if any(len(part) < self.pairs(name) for name, part in held.items()):
            how["evaluated_users"] = evaluated
        if chosen is not None and like != "uniform":
            found = f"{like!r} with a validation part in {self.folder}"
            raise SettingError("setting validation_like", found, "none: it is drawn already")
        if chosen is not None and not validation:
            train, chosen = joined(train, self.interactions("validation")), None
            how["validation_joined"] = True
        elif chosen is None and validation:
            tested = held.get("test")
            train, chosen, more = draw_validation(train, tested, validation, seed, like)
            how |= {"validation": validation, "seed": seed} | more
        return Split(self.folder.name, train, chosen, held.get("test"), how)

    def _ids(self, side: str) -> Ids:
        home, wanted = self.folder / side, self.manifest[side]
        files = sorted(home.glob("*.parquet"))
        read = [columnar(file, "Parquet", b"PAR1", pl.scan_parquet, probed=True) for file in files]
        parts = [each.load(["id"])[0]["id"] for each in read]
        found = sum(map(len, parts))
        if found != wanted:
            raise DataError(str(home), f"{found} ids", f"{wanted}")
        ids = Ids(pl.concat(parts))
        ids.digest = self.manifest["digests"][side]
        return ids


def is_store(place: str | Path) -> bool:
    """Whether a folder is a store, or what is left of one that was not finished."""
    if kind_of(str(place)) != "path" or not (folder := expanded(place)).is_dir():
        return False
    return any((folder / name).exists() for name in (MANIFEST, "train.items.npy"))


def check_pairs(
    indptr: NDArray[np.int64], items: NDArray[np.int32], first: int, n_items: int, where: Path
) -> None:
    """Sees a block at a time that the pairs of some users are those of a table.

    Args:
        indptr: (n + 1,) where the pairs of each user start in ``items``, and where they end.
        items: (m,) item rows.
        first: Where the first of them start.
        n_items: Of the table.
        where: What to call it.

    Raises:
        DataError: starts fall, a row is out of range, or rows of a user do not rise.
    """
    found = None
    if indptr[0] != first or indptr[-1] - first != len(items) or (np.diff(indptr) < 0).any():
        found = "starts of users that do not rise to the number of pairs"
    starts = np.zeros(len(items) + 1, dtype=np.bool_)
    if found is None:
        starts[indptr - first] = True
    for block in blocks(len(items)):
        some = items[max(block.start - 1, 0) : block.stop]
        if found is None and (some.min() < 0 or some.max() >= n_items):
            found = f"an item row beyond the {n_items} there are"
        begins = starts[max(block.start, 1) : block.stop]
        if found is None and not ((some[1:] > some[:-1]) | begins).all():
            found = "items of a user that do not rise"
    if found is not None:
        raise DataError(str(where), found, "what `data prepare` wrote")
