"""From the name of a data set, or the path of a file, to its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from fullrank.data.catalog import CATALOG, Entry, File, cached, fetch, find, local
from fullrank.data.columns import Columns
from fullrank.data.files import expanded
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.kcore import k_core
from fullrank.data.readers import read, read_titles
from fullrank.data.readers.formats import is_readable
from fullrank.data.readers.opening import SPLIT
from fullrank.data.sources import is_pattern, kind_of, shown
from fullrank.data.split_folder import read_split
from fullrank.data.splits import (
    Split,
    check_fraction,
    hold_out,
    leave_last_out,
    random_split,
    time_split,
)
from fullrank.data.store.opening import Store, is_store
from fullrank.data.synthetic import generate
from fullrank.data.validation import Like, check_like, draw_validation
from fullrank.errors import DataError, SettingError
from fullrank.settings import nearest

How = Literal["random", "time", "last"]

TEST = 0.2
"""The fraction that is tested on where nothing else is asked for."""


def load(
    name_or_path: str | Path,
    *,
    validation: float = 0.1,
    seed: int = 0,
    test: float = TEST,
    how: How = "random",
    columns: Columns | None = None,
    min_interactions: int = 1,
    validation_like: Like = "uniform",
) -> Split:
    """Reads a data set by name, or a file by path, and divides it.

    A data set with a published split keeps it: ``validation`` is drawn from its train part by
    `hold_out`. Of one without, the test part does not depend on ``seed``, so that runs with
    different seeds are tested on the same interactions. A file is divided as ``how`` says.

    Args:
        name_or_path: A name of `entries`, anything that `read` takes, or a folder that
            ``fullrank data split`` wrote, which keeps its split.
        validation: Fraction of what is not tested on; 0 for no validation part.
        seed: Draws the validation part, and the test part of a file.
        test: Fraction to test on; 0 for no test part.
        how: ``random`` (`random_split`), ``time`` (`time_split`) or ``last`` (`leave_last_out`).
        columns: Which columns of the file to use, and the threshold on ratings if one is wanted.
        min_interactions: Keep the k-core of a file: users and items with at least this many.
        validation_like: How the validation part is drawn: ``uniform``; ``test``, with the test
            part's share by popularity (`hold_out_by_share`), for published splits that are skewed;
            ``time``, the last interactions of all that are not tested on.

    Raises:
        DataError: there is no such name or file, or its content cannot be used.
        SettingError: a fraction is not in [0, 1), a published split is to be changed, or validation
            cannot be drawn so.
    """
    if how not in get_args(How):
        raise SettingError("setting how", repr(how), nearest(how, get_args(How)))
    check_fraction("test", test)
    check_fraction("validation", validation)
    check_like(validation_like, validation, how)
    if str(name_or_path) not in CATALOG:
        path = place_of(name_or_path)
        if isinstance(path, Path) and is_split(path):
            check_as_divided(path, how, test, columns, min_interactions)
            how_chosen: dict[str, Any] = {"validation": validation, "seed": seed}
            if is_store(path):
                return Store.open(path).split(**how_chosen, like=validation_like)
            return read_split(path, **how_chosen, like=validation_like)
        data = _core(read(path, columns=columns), min_interactions)
        return _divide(data, name_of(path), how, test, validation, seed, validation_like)
    entry = find(str(name_or_path))
    if entry.pinned:
        if (how, test, columns, min_interactions) != ("random", TEST, None, 1):
            raise SettingError(
                f"data set {entry.name}",
                "a setting of test, how, columns or min_interactions",
                "none of these: it keeps its published split",
            )
        return _published(entry, validation, seed, validation_like)
    data = _core(_whole(entry, columns), min_interactions)
    if how != "random":
        return _divide(data, entry.name, how, test, validation, seed, validation_like)
    train, tested = hold_out(data, test, 0) if test else (data, None)
    made = {"kind": "random", "test": test, "test_seed": 0, "validation": validation, "seed": seed}
    made["repeated_pairs_merged"] = data.merged
    chosen = None
    if validation:
        train, chosen, more = draw_validation(train, tested, validation, seed, validation_like)
        made |= more
    return Split(entry.name, train, chosen, tested, made)


def check_as_divided(
    path: Path, how: str, test: float, columns: Columns | None, min_interactions: int
) -> None:
    """Sees that a folder whose split is made is to be read as it is.

    Raises:
        SettingError: it is to be divided, or read, in another way.
    """
    if (how, test, columns, min_interactions) != ("random", TEST, None, 1):
        found = "a setting of test, how, columns or min_interactions"
        raise SettingError(str(path), found, "none of these: the folder is split already")


def place_of(data: str | Path) -> Path | str:
    """A path, or as it is what is none.

    Raises:
        DataError: it looks like the name of a data set, and is none.
    """
    if kind_of(str(data)) != "path":
        return str(data)
    path = expanded(data)
    if not path.suffix and not path.exists() and not is_pattern(path):
        expected = f"{nearest(str(data), CATALOG)}, or the path of a file"
        raise DataError(f"data set {str(data)!r}", "no such name", expected)
    return path


def name_of(place: Path | str) -> str:
    """What data of no name of its own is called: nothing secret."""
    if isinstance(place, str):
        return "standard input" if place == "-" else shown(place)
    return str(place) if is_pattern(place) else place.name


def is_split(place: str | Path) -> bool:
    """Whether a folder is to be read as a split: a store, one, a damaged one, or has no tables."""
    if kind_of(str(place)) != "path" or not (folder := expanded(place)).is_dir():
        return False
    if is_store(folder) or any((folder / each).exists() for each in SPLIT):
        return True
    return not any(is_readable(each.name) for each in folder.rglob("*"))


def _divide(
    data: Interactions,
    name: str,
    how: How,
    test: float,
    validation: float,
    seed: int,
    like: Like,
) -> Split:
    if how == "random" and like != "uniform":
        whole = random_split(data, test=test, validation=0, seed=seed, name=name)
        train, chosen, more = draw_validation(whole.train, whole.test, validation, seed, like)
        return Split(name, train, chosen, whole.test, whole.how | {"validation": validation} | more)
    if how == "random":
        return random_split(data, test=test, validation=validation, seed=seed, name=name)
    if how == "time":
        return time_split(data, test=test, validation=validation, name=name)
    return leave_last_out(data, validation=validation > 0, name=name)


def _core(data: Interactions, least: int) -> Interactions:
    return data if least <= 1 else k_core(data, least, least)


def _published(entry: Entry, validation: float, seed: int, like: Like) -> Split:
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
        train, chosen, more = draw_validation(train, test, validation, seed, like)
        how |= more
    return Split(entry.name, train, chosen, test, how)


def _must_match(entry: Entry, parts: dict[str, Interactions]) -> None:
    """Sees that downloads hold the published content, and deletes them if they do not.

    Files in ``FULLRANK_DATA`` are used as they are, and those with a known hash were checked.
    """
    downloaded = [file for file in entry.files if local(entry, file) is None and not file.hashed]
    if not downloaded:
        return
    found = {name: part.fingerprint for name, part in parts.items() if name in entry.fingerprints}
    rows = sum(len(part) + part.merged for part in parts.values())
    if rows == entry.interactions and found == entry.fingerprints:
        return
    _forget(entry, downloaded)
    raise DataError(
        f"download of {entry.name}",
        f"{rows} rows, fingerprints {found}",
        f"{entry.interactions} rows, fingerprints {entry.fingerprints}; its home has changed",
    )


def _forget(entry: Entry, downloaded: list[File]) -> None:
    for file in downloaded:
        path = cached(entry, file)
        if path is not None:
            path.unlink()


def _whole(entry: Entry, columns: Columns | None) -> Interactions:
    if not entry.files:
        if columns is not None:
            raise SettingError(f"data set {entry.name}", "columns", "none: it is generated")
        return generate(entry.users, entry.items, entry.interactions, seed=0, timestamps=True)
    table, titles = fetch(entry.name)
    data = read(table, columns=columns)
    named = read_titles(titles)
    if len(named) != entry.items:
        _forget(entry, [entry.files[1]])
        raise DataError(str(titles), f"{len(named)} titles", f"{entry.items}")
    data.items = data.items.with_titles(named)
    return data
