"""What goes wrong with the file of a study, in one line."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from fullrank.data.write_errors import GONE, write_error
from fullrank.errors import DataError

P = ParamSpec("P")
T = TypeVar("T")


def storage_errors(function: Callable[P, T]) -> Callable[P, T]:
    """Says in one line what SQLite and Optuna say in many of a file that they cannot use.

    Args:
        function: Has the file as its option ``storage``.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **options: P.kwargs) -> T:
        try:
            return function(*args, **options)
        except Exception as error:
            behind: BaseException = error
            while behind.__cause__ is not None:
                behind = behind.__cause__
            if not isinstance(behind, sqlite3.Error):
                raise
            where = str(options.get("storage") or "the study")
            expected = "a study that `fullrank tune` wrote, in a place that can be written"
            found = str(behind) if Path(where).parent.exists() else GONE
            failed = write_error(behind, where) or DataError(where, found, expected)
            raise failed from None

    return wrapped
