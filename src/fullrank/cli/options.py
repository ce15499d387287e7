"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.errors import DataError, SettingError

if TYPE_CHECKING:
    from fullrank.data import Columns

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
ModelDir = Annotated[Path, typer.Argument(metavar="DIR", help="A model folder.")]
K = Annotated[int, typer.Option("-k", help="Length of each list.")]
UserColumn = Annotated[str, typer.Option(help="Column of the user ids.")]
ItemColumn = Annotated[str, typer.Option(help="Column of the item ids.")]
WeightColumn = Annotated[str | None, typer.Option(help="Column of weights or ratings.")]
TimestampColumn = Annotated[str | None, typer.Option(help="Column of times.")]
Threshold = Annotated[
    float | None, typer.Option(help="Drop rows whose weight is below this, then all weights.")
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="Whatever the suffix says: csv, tsv, parquet, arrow, recbole, movielens, adjacency.",
    ),
]
Separator = Annotated[
    str | None, typer.Option(help="What stands between the fields of a text: ';', '\\t', '::'.")
]
NoHeader = Annotated[
    bool, typer.Option("--no-header", help="The first line is data; --columns names its fields.")
]
ColumnNames = Annotated[
    str | None,
    typer.Option("--columns", help="Names for --no-header: user_id,item_id,_,timestamp."),
]
NoQuotes = Annotated[
    bool, typer.Option("--no-quotes", help="Quotation marks are plain characters.")
]
TimestampFormat = Annotated[
    str | None, typer.Option(help="How dates are written, as %d/%m/%Y; ISO 8601 needs none.")
]
MinInteractions = Annotated[
    int, typer.Option(min=1, help="Keep the k-core: users and items with at least this many.")
]
Import = Annotated[
    list[str] | None,
    typer.Option("--import", help="A .py file or a module that adds methods; repeatable."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Stop at an unknown id, rather than count and pass it.")
]
How = Annotated[str, typer.Option("--split", help="How to divide: random, time or last.")]
ValidationLike = Annotated[
    str,
    typer.Option(
        "--validation-like", help="How validation is drawn: uniform, test (its skew) or time."
    ),
]

DEFAULT_USER, DEFAULT_ITEM = "user_id", "item_id"


def columns_of(
    user: str = DEFAULT_USER,
    item: str = DEFAULT_ITEM,
    weight: str | None = None,
    timestamp: str | None = None,
    threshold: float | None = None,
    *,
    named_format: str | None = None,
    separator: str | None = None,
    no_header: bool = False,
    names: str | None = None,
    no_quotes: bool = False,
    timestamp_format: str | None = None,
) -> Columns | None:
    """The columns that were named, and how the file writes them; None where all is as usual.

    Raises:
        SettingError: a value is none of those possible, or there are names and a header.
    """
    if names is not None and not no_header:
        raise SettingError("option --columns", "no --no-header", "both: names for lines of data")
    if no_header and names is None and named_format != "movielens":
        expected = "names in their order, as --columns user_id,item_id,_,timestamp"
        raise SettingError("option --no-header", "no --columns", expected)
    given = {
        "user": None if user == DEFAULT_USER else user,
        "item": None if item == DEFAULT_ITEM else item,
        "weight": weight,
        "timestamp": timestamp,
        "threshold": threshold,
        "format": named_format,
        "separator": separator,
        "header": False if no_header else None,
        "names": None if names is None else tuple(name.strip() for name in names.split(",")),
        "quotes": False if no_quotes else None,
        "timestamp_format": timestamp_format,
    }
    values = {name: value for name, value in given.items() if value is not None}
    if not values:
        return None
    from fullrank.data import Columns

    return Columns.build(values)


def flags_of(given: Mapping[str, tuple[Any, Any]]) -> str:
    """Options whose value is not the usual one, as they are typed: each with a blank before it."""
    import shlex

    return "".join(
        f" {name} {shlex.quote(str(value))}"
        for name, (value, usual) in given.items()
        if value != usual
    )


def id_lines(path: Path | None) -> list[str] | None:
    """The ids in a file, one a line.

    Raises:
        DataError: the file cannot be read or holds none.
    """
    if path is None:
        return None
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(str(path), reason, "a text file with one id a line") from None
    except UnicodeDecodeError as error:
        found = f"the byte 0x{error.object[error.start]:02x} at position {error.start + 1}"
        raise DataError(str(path), found, "text in UTF-8 with one id a line") from None
    ids = [line for line in lines if line]
    if not ids:
        raise DataError(str(path), "no ids", "one id a line")
    return ids


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
    import json

    values: dict[str, Any] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator:
            raise SettingError("option --set", repr(pair), "key=value")
        try:
            values[name.strip()] = json.loads(text)
        except ValueError:
            values[name.strip()] = text
    return values
