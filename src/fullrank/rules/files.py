"""Files of rules, and the files that they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from fullrank.data.files import as_data_errors
from fullrank.data.json_text import json_of
from fullrank.data.plain_names import plain_name
from fullrank.data.readers.formats import format_of
from fullrank.data.readers.opening import open_file
from fullrank.errors import DataError

LARGEST_FILE = 2**28
"""Bytes of a file of rules."""
_OF_IDS, _OF_PAIRS = ("allow", "deny"), ("allow_per_user", "deny_per_user")


def document_of(path: Path) -> Any:
    """The JSON of a file of rules; where a list of ids is text, that of the file it names.

    ``allow`` and ``deny`` name a text with one id a line, the rules by user a table of user and
    item ids of any format that data have. Names are relative to the folder of the file.

    Raises:
        DataError: a file cannot be read, or is not of its format.
    """
    document = _json(path)
    if not isinstance(document, dict):
        return document
    for name, value in document.items():
        if isinstance(value, str) and name in _OF_IDS:
            document[name] = ids_of(_file(path.parent / value))
        elif isinstance(value, str) and name in _OF_PAIRS:
            document[name] = _pairs(path.parent / value)
    return document


def _file(path: Path) -> Path:
    """A path that a file of rules names: no pipe, for which the reader would wait."""
    with as_data_errors(path):
        if not path.is_file():
            raise DataError(str(path), "no such file", "a text file with one id a line")
    return path


def ids_of(path: Path) -> list[str]:
    """The ids in a file, one a line.

    Raises:
        DataError: the file cannot be read or holds none.
    """
    try:
        with path.open("rb") as file:  # it may be a pipe, or a device without an end
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise DataError(str(path), "a larger file", f"up to {LARGEST_FILE:,} bytes")
        lines = [line.strip() for line in content.decode("utf-8-sig").splitlines()]
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


def _json(path: Path) -> Any:
    if not path.is_file():
        raise DataError(str(path), "no such file", "a JSON file of rules")
    try:
        with plain_name(path) as plain:
            if plain.stat().st_size > LARGEST_FILE:
                raise DataError(str(path), "a larger file", f"up to {LARGEST_FILE:,} bytes")
            return json_of(plain.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        where = f"{path}, line {error.lineno}, character {error.colno}"
        raise DataError(where, error.msg.lower(), "JSON") from None
    except UnicodeDecodeError:
        raise DataError(str(path), "no text in UTF-8", "a JSON object") from None
    except ValueError as error:  # numbers without end, or too deep
        raise DataError(str(path), str(error).partition(";")[0], "a JSON object") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(str(path), reason, "a JSON file of rules") from None


def _pairs(path: Path) -> pl.DataFrame:
    source = open_file(path, format_of(path))
    return source.load(source.columns)[0]
