"""How a table is read and divided: the same options in every verb that takes a table."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from fullrank.errors import SettingError

if TYPE_CHECKING:
    from fullrank.data import Columns, Split

USER, ITEM = "user_id", "item_id"


@dataclass(frozen=True)
class TableOptions:
    """Which columns a table has, and how a text file writes them.

    Each field is an option: ``user_column`` is ``--user-column``.
    """

    user_column: Annotated[str, typer.Option(help="Column of the user ids.")] = USER
    item_column: Annotated[str, typer.Option(help="Column of the item ids.")] = ITEM
    weight_column: Annotated[str | None, typer.Option(help="Column of weights or ratings.")] = None
    timestamp_column: Annotated[str | None, typer.Option(help="Column of times.")] = None
    timestamp_format: Annotated[
        str | None, typer.Option(help="How dates are written, as %d/%m/%Y; ISO 8601 needs none.")
    ] = None
    format: Annotated[
        str | None,
        typer.Option(
            help="Whatever the suffix says: csv, tsv, ndjson, parquet, arrow, recbole, movielens "
            "or adjacency."
        ),
    ] = None
    separator: Annotated[
        str | None,
        typer.Option(help="What stands between the fields of a text: ';', '\\t', '::'."),
    ] = None
    no_header: Annotated[
        bool,
        typer.Option("--no-header", help="The first line is data; --columns names its fields."),
    ] = False
    columns: Annotated[
        str | None, typer.Option(help="Names for --no-header: user_id,item_id,_,timestamp.")
    ] = None
    no_quotes: Annotated[
        bool, typer.Option("--no-quotes", help="Quotation marks are plain characters.")
    ] = False
    threshold: Annotated[
        float | None, typer.Option(help="Drop rows whose weight is below this, then all weights.")
    ] = None
    event_column: Annotated[
        str | None, typer.Option(help="Column of the kinds of events: view, purchase.")
    ] = None
    event_weights: Annotated[
        str | None,
        typer.Option(
            help="Weights of kinds: view=1,purchase=10,dislike=-1,other=0.5; below 0: not learned "
            "from and not shown."
        ),
    ] = None
    half_life: Annotated[
        str | None, typer.Option(help="Age at which an interaction counts half: 12h, 90d, 2w.")
    ] = None
    query: Annotated[
        str | None, typer.Option(help="Of a database: 'select … from …', with the columns above.")
    ] = None
    table: Annotated[
        str | None, typer.Option(help="Of a database: a table, in the place of a query.")
    ] = None

    def layout(self) -> Columns | None:
        """The columns that were named, and how the file writes them; None where all is as usual.

        Raises:
            SettingError: a value is none of those possible, or there are names and a header.
        """
        names = self.columns
        if names is not None and not self.no_header:
            raise SettingError(
                "option --columns", "no --no-header", "both: names for lines of data"
            )
        if self.no_header and names is None and self.format != "movielens":
            expected = "names in their order, as --columns user_id,item_id,_,timestamp"
            raise SettingError("option --no-header", "no --columns", expected)
        given = {
            "user": None if self.user_column == USER else self.user_column,
            "item": None if self.item_column == ITEM else self.item_column,
            "weight": self.weight_column,
            "timestamp": self.timestamp_column,
            "threshold": self.threshold,
            "format": self.format,
            "separator": self.separator,
            "header": False if self.no_header else None,
            "names": None if names is None else tuple(name.strip() for name in names.split(",")),
            "quotes": False if self.no_quotes else None,
            "timestamp_format": self.timestamp_format,
            "event": self.event_column,
            "event_weights": self._weights(),
            "half_life": self.half_life,
            "query": self.query,
            "table": self.table,
        }
        values = {name: value for name, value in given.items() if value is not None}
        if not values:
            return None
        from fullrank.data import Columns

        return Columns.build(values)

    def _weights(self) -> dict[str, float] | None:
        if self.event_weights is None:
            return None
        from fullrank.data.events import weights_of

        return weights_of(self.event_weights)

    def flags(self) -> str:
        """The options that are not as usual, as they are typed: each with a blank before it."""
        typed = []
        for each in fields(self):
            value, name = getattr(self, each.name), "--" + each.name.replace("_", "-")
            if value != each.default:
                typed.append(name if value is True else f"{name} {shlex.quote(str(value))}")
        return "".join(f" {each}" for each in typed)


@dataclass(frozen=True)
class SplitOptions(TableOptions):
    """How a table is read, and how it is divided."""

    min_interactions: Annotated[
        int,
        typer.Option(min=1, help="Keep the k-core: users and items with at least this many."),
    ] = 1
    split: Annotated[str, typer.Option(help="How to divide: random, time or last.")] = "random"
    validation_like: Annotated[
        str, typer.Option(help="How validation is drawn: uniform, test (its skew) or time.")
    ] = "uniform"

    def check(self, test: float, option: str = "--holdout") -> None:
        """Sees that the options fit together, before long work.

        Raises:
            SettingError: they do not, as in `layout`, or nothing is to be tested on and the split
                is of each user's last item.
        """
        self.layout()
        if self.split == "last" and not test:
            raise SettingError(f"option {option}", "0 with --split last", "another --split")

    def check_as_divided(self, folder: Path, test: float) -> None:
        """Sees that a folder whose split is made is to be read as it is.

        Raises:
            SettingError: it is to be divided, or read, in another way.
        """
        from fullrank.data.loading import check_as_divided

        check_as_divided(folder, self.split, test, self.layout(), self.min_interactions)

    def load(self, data: str, *, test: float, validation: float, seed: int) -> Split:
        """The data set of that name, or the file, read and divided as the options say."""
        from fullrank.data import load

        return load(
            data,
            validation=validation,
            seed=seed,
            test=test,
            how=self.split,  # type: ignore[arg-type]  # checked by load, with the nearest name
            columns=self.layout(),
            min_interactions=self.min_interactions,
            validation_like=self.validation_like,  # type: ignore[arg-type]  # checked by load
        )


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each field of those of its parameters that are such objects.

    Typer makes options of a function's signature, so the fields take the place of the object there,
    with their types, defaults and help.
    """
    signature = inspect.signature(command, eval_str=True)
    objects: dict[str, type] = {}
    parameters = []
    for name, each in signature.parameters.items():
        if isinstance(each.annotation, type) and is_dataclass(each.annotation):
            objects[name] = each.annotation
            parameters += _parameters(each.annotation)
        else:
            parameters.append(each.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(command)
    def run(**values: Any) -> None:
        for name, kind in objects.items():
            values[name] = kind(**{each.name: values.pop(each.name) for each in fields(kind)})
        command(**values)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _parameters(kind: type) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=hints[each.name],
        )
        for each in fields(kind)
    ]
