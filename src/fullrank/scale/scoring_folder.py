"""A folder of lists: Parquet files of consecutive users, and a manifest that says what they are of.

Every file is written beside its place and put there whole, so what has a name is finished. A run
that was stopped goes on with the files that are not there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from fullrank.data.files import as_data_errors, replacing
from fullrank.data.locks import is_leftover
from fullrank.data.panics import is_panic
from fullrank.data.plain_names import plain_name
from fullrank.errors import DataError
from fullrank.recommender import Recommender

MANIFEST = "_manifest.json"
"""Spark, Arrow and DuckDB pass over files whose names begin so."""
FORMAT = 1
LARGEST = 2**24
"""Bytes of a manifest."""

Make = Callable[[Recommender, pl.Series], pl.DataFrame]
"""The lists of some users, a row each item, in their order; columns ``user_id`` and ``rank``."""


@dataclass(frozen=True)
class Job:
    """Lists of all users of a model, some users to a file.

    Args:
        out: The folder.
        identity: What the lists are of, as JSON; a run goes on with files of the same alone.
        users: How many users there are.
        block: Users of a file, who are ranked together.
        make: Makes the lists.
    """

    out: Path
    identity: Mapping[str, Any]
    users: int
    block: int
    make: Make

    @property
    def files(self) -> int:
        """How many files there are to be."""
        return -(-self.users // self.block)

    def path(self, number: int) -> Path:
        """Where a file is to be; names in their order have the users in theirs."""
        return self.out / f"part-{number:05d}.parquet"

    def some(self, users: pl.Series, number: int) -> pl.Series:
        """The users of a file."""
        return users.slice(number * self.block, self.block)

    def described(self) -> dict[str, Any]:
        """What the manifest says from the beginning."""
        return {
            "format": FORMAT,
            **self.identity,
            "users": self.users,
            "users_per_file": self.block,
            "files": self.files,
        }


def begin(job: Job) -> bool:
    """Writes the manifest, or sees that the one that is there is of the same lists.

    Returns:
        Whether there was one: then files may be there.

    Raises:
        DataError: the folder holds something else, or cannot be written.
    """
    wanted, path = job.described(), job.out / MANIFEST
    if not path.exists():
        with as_data_errors(job.out):
            others = [each.name for each in job.out.iterdir() if not is_leftover(each.name)]
        if others:
            what = f"{len(others)} files and no {MANIFEST}, among them {min(others)!r}"
            raise DataError(str(job.out), what, "a new folder, or an empty one")
        _write_manifest(job.out, wanted | {"complete": False})
        return False
    found = _manifest(path)
    differs = [name for name, value in wanted.items() if found.get(name) != value]
    if differs:
        was, now = _first_difference(found.get(differs[0]), wanted[differs[0]], differs[0])
        expected = f"{now}, as this command asks for, or another folder"
        raise DataError(str(job.out), f"lists of another run: {was}", expected)
    return True


def is_there(job: Job) -> bool:
    """Whether this machine sees the folder."""
    try:
        found = _manifest(job.out / MANIFEST)
    except DataError:
        return False
    return all(found.get(name) == value for name, value in job.described().items())


def finish(job: Job, lengths: Mapping[int, Counter[int]]) -> int:
    """Marks the folder as complete, with the number of rows of each file; returns their sum."""
    rows = [sum(n * count for n, count in lengths[each].items()) for each in range(job.files)]
    _write_manifest(job.out, job.described() | {"complete": True, "rows": rows})
    return sum(rows)


def lengths_of(frame: pl.DataFrame, users: int) -> Counter[int]:
    """How many lists of each length a frame holds; a user without rows has one of none."""
    lengths = Counter[int](frame.group_by("user_id").len()["len"].to_list())
    lengths[0] += users - lengths.total()
    return lengths


def write(job: Job, number: int, frame: pl.DataFrame | bytes) -> None:
    """Puts a file in its place, whole.

    Args:
        job: What is to be done.
        number: Of the file.
        frame: Its rows, or its bytes where another machine wrote them.

    Raises:
        DataError: the disk is full, or the folder cannot be written.
    """
    with replacing(job.path(number)) as part:
        if isinstance(frame, bytes):
            part.write_bytes(frame)
            return
        with plain_name(part) as plain:
            frame.write_parquet(plain)


def as_bytes(frame: pl.DataFrame) -> bytes:
    """The file of a frame, for another machine to put in its place."""
    file = BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def whole(job: Job, users: pl.Series) -> dict[int, Counter[int]]:
    """The files that are there and whole, with how many lists of each length they hold.

    Args:
        job: What is to be done.
        users: The ids of all users, in their order.
    """
    found = {}
    for number in range(job.files):
        lengths = _lengths(job.path(number), job.some(users, number))
        if lengths is not None:
            found[number] = lengths
    return found


def _lengths(path: Path, users: pl.Series) -> Counter[int] | None:
    """Of a file, if it is one of these users: some of them, in order, with ranks from 1."""
    if not path.is_file():
        return None
    it = pl.col("rank")
    try:
        with plain_name(path) as plain:
            lists = (
                pl.scan_parquet(plain, glob=False)
                .select("user_id", "rank")
                .group_by("user_id", maintain_order=True)
                .agg(length=pl.len(), right=(it == pl.int_range(1, pl.len() + 1)).all())
                .collect()
            )
        there = users.filter(users.is_in(lists["user_id"].implode()))
    except BaseException as error:
        if isinstance(error, pl.exceptions.PolarsError | OSError) or is_panic(error):
            return None
        raise
    if not lists["right"].all() or not there.equals(lists["user_id"]):
        return None
    lengths = Counter[int](lists["length"].to_list())
    lengths[0] += len(users) - lengths.total()
    return lengths


def _write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    with replacing(folder / MANIFEST) as part:
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _manifest(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError
    except OSError as error:
        raise DataError(str(path), error.strerror or "an error", "a file to read") from None
    except (ValueError, RecursionError):
        expected = "that of `recommend -o FOLDER`, or another folder"
        raise DataError(str(path), "a damaged manifest", expected) from None
    return found


def _first_difference(found: Any, wanted: Any, name: str) -> tuple[str, str]:
    """The innermost value that differs, as it is and as it should be."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted(wanted.keys() | found.keys()):
            if found.get(key) != wanted.get(key):
                return _first_difference(found.get(key), wanted.get(key), f"{name} {key}")
    return tuple(f"{name} {_short(value)}" for value in (found, wanted))  # type: ignore[return-value]


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
