"""What to say of a column that is not there: which of those that are is probably meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fullrank.errors import DataError
from fullrank.settings import nearest

WORDS = {
    "user_id": (
        "user", "uid", "customer", "client", "member", "account", "buyer", "visitor", "reader",
        "listener", "player", "person", "profile", "session", "who",
    ),
    "item_id": (
        "item", "iid", "product", "article", "sku", "movie", "film", "book", "isbn", "asin",
        "song", "track", "artist", "video", "game", "business", "what",
    ),
    "weight": ("weight", "rating", "score", "stars", "count", "quantity", "plays"),
    "timestamp": ("timestamp", "time", "date", "day", "when"),
}  # fmt: skip
"""What columns of a role are often called, in whole or in part."""


def missing(role: str, names: Mapping[str, str], available: Sequence[str], table: str) -> DataError:
    """The error of a column that a table does not have.

    Args:
        role: What the column is for: ``user_id``, ``item_id``, ``weight`` or ``timestamp``.
        names: How each role's column was expected to be called.
        available: The columns that there are.
        table: What to call the table.
    """
    name = names[role]
    if not available:
        return DataError(table, "no columns", f"a column {name!r}")
    other = [mark for mark in ";\t|" if mark in available[0]]
    if len(available) == 1 and other:
        remedy = f"a column {name!r} (or name what stands between them: --separator {other[0]!r})"
        return DataError(table, f"one column, {available[0]!r}", remedy)
    found = "the columns " + ", ".join(available)
    free = _free(names, available)
    close = nearest(name, free) if free else ""
    if close.startswith("'"):
        return DataError(table, found, f"a column {name!r} (did you mean {close}?)")
    flags = []
    for each in (role, *(each for each in names if each != role and names[each] not in available)):
        guess = likely(each, free)
        if guess is not None:
            flags.append(f"--{each.removesuffix('_id')}-column {guess!r}")
            free.remove(guess)
    hint = f" (or name yours: {' '.join(flags)})" if flags else ""
    return DataError(table, found, f"a column {name!r}{hint}")


def weights_option(names: Mapping[str, str], available: Sequence[str]) -> str:
    """The option that names the column of weights, where there is none of the usual name."""
    named = [each for each in _free(names, available) if _role(each) == "weight"]
    return f"--weight-column {named[0]!r}" if named else "--weight-column NAME"


def likely(role: str, free: Sequence[str]) -> str | None:
    """The column that is probably of the role: by its name, else the first that is of no other."""
    own = [name for name in free if _role(name) == role]
    unclear = [name for name in free if _role(name) is None]
    return next(iter([*own, *unclear]), None)


def _free(names: Mapping[str, str], available: Sequence[str]) -> list[str]:
    """The columns that are not taken by another role."""
    return [each for each in available if each not in names.values()]


def _role(name: str) -> str | None:
    """What a column of that name is probably for: by the longest word that it has."""
    lower = name.lower()
    found = [(len(word), role) for role, words in WORDS.items() for word in words if word in lower]
    return max(found)[1] if found else None
