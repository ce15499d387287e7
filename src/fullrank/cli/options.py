"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fullrank.errors import SettingError

DATA = "A catalogue name, a path, a pattern, a database, a URL or - (docs/sources.md)."
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
ModelDir = Annotated[Path, typer.Argument(metavar="DIR", help="A model folder.")]
K = Annotated[int, typer.Option("-k", help="Length of each list.")]
Import = Annotated[
    list[str] | None,
    typer.Option("--import", help="A .py file or a module that adds methods; repeatable."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Stop at an unknown id, rather than count and pass it.")
]


imported: list[str] = []
"""What ``--import`` of this command named: a command that it prints needs the same."""


def id_lines(path: Path | None) -> list[str] | None:
    """The ids in a file, one a line.

    Raises:
        DataError: the file cannot be read or holds none.
    """
    if path is None:
        return None
    from fullrank.rules.files import ids_of

    return ids_of(path)


def cutoffs_of(text: str) -> tuple[int, ...]:
    """``10,20`` as numbers.

    Raises:
        SettingError: a part is not a whole number.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise SettingError("option --k", repr(text), "whole numbers like 10,20") from None


def usual_cutoffs(n_items: int) -> tuple[int, ...]:
    """10 and 20, or as many items as there are where those are fewer."""
    return tuple(k for k in (10, 20) if k <= n_items) or (n_items,)


def settings_of_pairs(pairs: list[str]) -> dict[str, Any]:
    """``key=value`` pairs; a value that is JSON is read as such, any other is a string.

    Raises:
        SettingError: a pair has no ``=``.
    """
    from fullrank.data.json_text import json_of

    values: dict[str, Any] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator:
            raise SettingError("option --set", repr(pair), "key=value")
        try:
            values[name.strip()] = json_of(text)
        except ValueError:
            values[name.strip()] = text
    return values
