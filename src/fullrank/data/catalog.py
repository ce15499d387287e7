"""Data sets by name: where they live, what must be in them, and how they are divided."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fullrank.data.columns import Columns
from fullrank.data.download import cache_folder, download
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.readers import read, read_titles
from fullrank.data.splits import Split, hold_out, leave_last_out, random_split, time_split
from fullrank.data.synthetic import generate
from fullrank.errors import DataError, SettingError
from fullrank.settings import nearest

How = Literal["random", "time", "last"]

TEST = 0.2
"""The fraction that is tested on where nothing else is asked for."""


@dataclass(frozen=True)
class File:
    """One file of a data set.

    Args:
        name: What it is called, in ``FULLRANK_DATA`` and in the cache.
        url: Its public home; none if it has to be put into ``FULLRANK_DATA`` by hand.
        sha256: What the bytes at that home hash to, where this is known.
    """

    name: str
    url: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Entry:
    """A data set: its sizes, its files, and what is known of its content.

    Args:
        name: What `load` calls it.
        about: What it is, in a line.
        users: Number of user rows.
        items: Number of item rows.
        interactions: Rows of all its files together, repeated pairs counted as often as they occur.
        files: ``train.*`` and ``test.*`` for a published split; otherwise one table of all
            interactions, and one of titles.
        fingerprints: Those of the parts as read, which a download must match: they do not depend
            on line ends or the order of lines, as hashes of files do.
    """

    name: str
    about: str
    users: int
    items: int
    interactions: int
    files: tuple[File, ...] = ()
    fingerprints: dict[str, str] = field(default_factory=dict)

    @property
    def pinned(self) -> bool:
        """Whether the data set comes divided into train and test."""
        return any(file.name.startswith("test.") for file in self.files)


_SGFCF = "https://raw.githubusercontent.com/tanatosuu/sgfcf/"
_LIGHTGCN = "https://raw.githubusercontent.com/gusye1234/LightGCN-PyTorch/master/data/"
_RECBOLE = (
    "https://raw.githubusercontent.com/RUCAIBox/RecBole/"
    "6af995d83513ebf16777fedf35bfa830680f5d88/dataset/"
)
_CITEULIKE = _SGFCF + "9cd03f27c59f5e92ed3e9d025b60431af87945e3/datasets/citeulike/"

CATALOG: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "demo",
            "generated, with the traits of real data; needs no file",
            users=2_000,
            items=1_500,
            interactions=60_000,
        ),
        Entry(
            "citeulike",
            "who keeps which article, the DirectSpec paper's split",
            users=5_551,
            items=16_980,
            interactions=210_537,
            files=(
                File(
                    "train.csv",
                    _CITEULIKE + "train.csv",
                    "668d1011a83674cab98232bccd8343bdeadaa0d72c8d7e3664380874f681d3b5",
                ),
                File(
                    "test.csv",
                    _CITEULIKE + "test.csv",
                    "b27b8daa397475492409e861a1e82ff01de6c10f74f3ff9f8fce0a812ce77671",
                ),
            ),
        ),
        # Copies of the Gowalla files differ in their bytes from home to home, the training file
        # at least. So the content is what is checked, not the bytes.
        Entry(
            "gowalla",
            "who checked in where, the split of NGCF, LightGCN and the DirectSpec paper",
            users=29_858,
            items=40_981,
            interactions=1_027_370,
            files=(
                File("train.txt", _LIGHTGCN + "gowalla/train.txt"),
                File("test.txt", _LIGHTGCN + "gowalla/test.txt"),
            ),
            fingerprints={"train": "7aef637aaf504e74", "test": "5852dcca8ac0a3c4"},
        ),
        # No copy of these two was at hand when this was written, so that neither hashes nor
        # fingerprints are known: sizes are checked. The commit is not pinned for the same reason.
        Entry(
            "yelp",
            "who reviewed which business, the DirectSpec paper's split",
            users=25_677,
            items=25_815,
            interactions=731_672,
            files=(
                File("train.csv", _SGFCF + "HEAD/datasets/yelp/train.csv"),
                File("test.csv", _SGFCF + "HEAD/datasets/yelp/test.csv"),
            ),
        ),
        Entry(
            "yelp-sparse",
            "the users and items of yelp with a fifth of its interactions to train on; "
            "without a public home, to be put into FULLRANK_DATA",
            users=25_677,
            items=25_815,
            interactions=260_022,
            files=(File("train.csv"), File("test.csv")),
        ),
        # The public file of titles calls its first column movie_id, other copies item_id; its
        # hash is not known, so the number of titles is checked.
        Entry(
            "ml-100k",
            "film ratings with times and titles",
            users=943,
            items=1_682,
            interactions=100_000,
            files=(
                File(
                    "ml-100k.inter",
                    _RECBOLE + "ml-100k/ml-100k.inter",
                    "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
                ),
                File("ml-100k.item", _RECBOLE + "ml-100k/ml-100k.item"),
            ),
        ),
    )
}


def entries() -> list[dict[str, Any]]:
    """What there is to load: name, sizes, where it comes from, and whether it is here already."""
    return [
        {
            "name": entry.name,
            "users": entry.users,
            "items": entry.items,
            "interactions": entry.interactions,
            "about": entry.about,
            "where": _where(entry),
            "here": all(_local(entry, file) or _cached(entry, file) for file in entry.files),
        }
        for entry in CATALOG.values()
    ]


def fetch(name: str) -> list[Path]:
    """The files of a data set, downloaded if they are neither in ``FULLRANK_DATA`` nor cached.

    Raises:
        DataError: there is no data set of this name, or a file of it cannot be had.
    """
    entry = _entry(name)
    return [_local(entry, file) or _downloaded(entry, file) for file in entry.files]


def load(
    name_or_path: str | Path,
    *,
    validation: float = 0.1,
    seed: int = 0,
    test: float = TEST,
    how: How = "random",
    columns: Columns | None = None,
) -> Split:
    """Reads a data set by name, or a file by path, and divides it.

    A data set with a published split keeps it: ``validation`` is drawn from its train part by
    `hold_out`. Of one without, the test part does not depend on ``seed``, so that runs with
    different seeds are tested on the same interactions. A file is divided as ``how`` says.

    Args:
        name_or_path: A name of `entries`, or the path of a file that `read` takes.
        validation: Fraction of what is not tested on; 0 for no validation part.
        seed: Draws the validation part, and the test part of a file.
        test: Fraction to test on; 0 for no test part.
        how: ``random`` (`random_split`), ``time`` (`time_split`) or ``last`` (`leave_last_out`).
        columns: Which columns of the file to use, and the threshold on ratings if one is wanted.

    Raises:
        DataError: there is no such name or file, or its content cannot be used.
        SettingError: a fraction is not in [0, 1), or a published split is to be changed.
    """
    if str(name_or_path) not in CATALOG:
        path = Path(name_or_path)
        if not path.suffix and not path.exists():
            expected = f"{nearest(str(name_or_path), CATALOG)}, or the path of a file"
            raise DataError(f"data set {str(name_or_path)!r}", "no such name", expected)
        data = read(path, columns=columns)
        return _divide(data, path.name, how, test, validation, seed)
    entry = _entry(str(name_or_path))
    if entry.pinned:
        if how != "random" or test != TEST or columns is not None:
            raise SettingError(
                f"how to divide {entry.name}",
                "a wish of its own",
                "the published split: leave out test, how and columns",
            )
        return _published(entry, validation, seed)
    data = _whole(entry, columns)
    if how != "random":
        return _divide(data, entry.name, how, test, validation, seed)
    rest, tested = hold_out(data, test, 0) if test else (data, None)
    train, chosen = hold_out(rest, validation, seed) if validation else (rest, None)
    made = {"kind": "random", "test": test, "test_seed": 0, "validation": validation, "seed": seed}
    return Split(entry.name, train, chosen, tested, made)


def _divide(
    data: Interactions, name: str, how: How, test: float, validation: float, seed: int
) -> Split:
    if how == "random":
        return random_split(data, test=test, validation=validation, seed=seed, name=name)
    if how == "time":
        return time_split(data, test=test, validation=validation, name=name)
    if how == "last":
        return leave_last_out(data, validation=validation > 0, name=name)
    raise SettingError("setting how", repr(how), nearest(how, ["random", "time", "last"]))


def _published(entry: Entry, validation: float, seed: int) -> Split:
    users, items = Ids.numbered(entry.users), Ids.numbered(entry.items)
    parts: dict[str, Interactions] = {}
    for path in fetch(entry.name):
        columns = None if path.suffix == ".txt" else Columns(user="user", item="item")
        parts[path.stem] = read(path, columns=columns, users=users, items=items)
    _must_match(entry, parts)
    train, test = parts["train"], parts["test"]
    how: dict[str, Any] = {
        "kind": "published",
        "validation": validation,
        "seed": seed,
        "repeated_pairs_merged": {name: part.merged for name, part in parts.items()},
        "pairs_in_train_and_test": int(train.csr().multiply(test.csr()).nnz),
    }
    chosen = None
    if validation:
        train, chosen = hold_out(train, validation, seed)
    return Split(entry.name, train, chosen, test, how)


def _must_match(entry: Entry, parts: dict[str, Interactions]) -> None:
    """Sees that downloads hold the published content, and deletes them if they do not.

    Files in ``FULLRANK_DATA`` are used as they are.
    """
    downloaded = [file for file in entry.files if _local(entry, file) is None]
    if not downloaded:
        return
    found = {name: part.fingerprint for name, part in parts.items() if name in entry.fingerprints}
    rows = sum(len(part) + part.merged for part in parts.values())
    if rows == entry.interactions and found == entry.fingerprints:
        return
    for file in downloaded:
        (cache_folder() / entry.name / file.name).unlink()
    raise DataError(
        f"download of {entry.name}",
        f"{rows} rows, fingerprints {found}",
        f"{entry.interactions} rows, fingerprints {entry.fingerprints}; its home has changed",
    )


def _whole(entry: Entry, columns: Columns | None) -> Interactions:
    if not entry.files:
        return generate(entry.users, entry.items, entry.interactions, seed=0, timestamps=True)
    table, titles = fetch(entry.name)
    data = read(table, columns=columns)
    named = read_titles(titles)
    if len(named) != entry.items:
        raise DataError(str(titles), f"{len(named)} titles", f"{entry.items}")
    data.items = data.items.with_titles(named)
    return data


def _entry(name: str) -> Entry:
    if name not in CATALOG:
        raise DataError(f"data set {name!r}", "no such name", nearest(name, CATALOG))
    return CATALOG[name]


def _where(entry: Entry) -> str:
    if not entry.files:
        return "generated"
    if all(_local(entry, file) for file in entry.files):
        return str(_data_folder(entry))
    return entry.files[0].url or "FULLRANK_DATA"


def _data_folder(entry: Entry) -> Path | None:
    named = os.environ.get("FULLRANK_DATA")
    return Path(named).expanduser() / entry.name if named else None


def _local(entry: Entry, file: File) -> Path | None:
    folder = _data_folder(entry)
    return folder / file.name if folder and (folder / file.name).is_file() else None


def _cached(entry: Entry, file: File) -> Path | None:
    path = cache_folder() / entry.name / file.name
    return path if path.is_file() else None


def _downloaded(entry: Entry, file: File) -> Path:
    if file.url is None:
        folder = _data_folder(entry) or f"FULLRANK_DATA/{entry.name}"
        place = f"data set {entry.name}"
        raise DataError(place, f"no {file.name} in {folder}", "that file, which has no public home")
    return download(file.url, cache_folder() / entry.name / file.name, file.sha256)
