"""Objects of a store (S3, Google Cloud, Azure) and pages of a server, by polars' own readers.

Credentials are those of the environment or of the store's own configuration files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import polars as pl

from fullrank.data.columns import Columns, Format
from fullrank.data.location import SourceLocation
from fullrank.data.panics import unprinted_panics
from fullrank.data.readers.formats import SUFFIXES
from fullrank.data.readers.packed import without_suffix
from fullrank.data.readers.source import Piece, Source
from fullrank.data.sources.address import HIDDEN, redacted, secrets_of, shown
from fullrank.errors import DataError

RETRIES = 2
_SECRETS = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_CLIENT_SECRET",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
)
"""Variables whose values no message may repeat."""


def remote(url: str, columns: Columns, named: Format | None) -> Source:
    """A table at a URL, or several of one format by a pattern (not by http).

    Text is read as polars reads it: a line that does not parse is not named.

    Raises:
        DataError: it cannot be reached or read, or its format is not known.
    """
    name = shown(url)
    kind = named or columns.format or _format_of(url, name)
    with _told(url):
        lazy = _scan(url, kind, columns)
        found = lazy.collect_schema().names()
    location = SourceLocation(name)

    def load(names: Iterable[str]) -> tuple[pl.DataFrame, SourceLocation]:
        with _told(url):
            return lazy.select(list(names)).collect(engine="streaming"), location

    def stream(names: Iterable[str], rows: int) -> Iterator[Piece]:
        chosen = lazy.select(list(names))
        if not hasattr(chosen, "collect_batches"):  # polars before 1.34
            yield load(names)
            return
        with _told(url):
            batches = iter(chosen.collect_batches(chunk_size=rows, engine="streaming"))
        first = 1
        while True:
            with _told(url):
                piece = next(batches, None)
            if piece is None:
                return
            yield piece, replace(location, first=first)
            first += len(piece)

    return Source(location, found, load, stream)


def _format_of(url: str, name: str) -> Format:
    path = without_suffix(url.partition("?")[0] if url.startswith("http") else url)
    suffix = "." + path.rpartition("/")[2].rpartition(".")[2]
    if path.endswith("/"):
        return "parquet"  # a folder of partitions, as other programs write it
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        expected = f"one of {known}, or the format by name: --format csv (format='csv')"
        raise DataError(name, "no suffix of a known format", expected)
    return SUFFIXES[suffix]


def _scan(url: str, kind: Format, columns: Columns) -> pl.LazyFrame:
    options: dict[str, Any] = {"storage_options": {"max_retries": RETRIES}}
    if kind == "parquet":
        # Of a folder polars reads the keys of partitions by itself; of one object there are none.
        hive = True if "*" in url else None
        return pl.scan_parquet(url, hive_partitioning=hive, **options)
    if kind == "arrow":
        return pl.scan_ipc(url, **options)
    if kind == "ndjson":
        return pl.scan_ndjson(url, infer_schema_length=None, **options)
    if kind in ("csv", "tsv"):
        mark = columns.separator or ("," if kind == "csv" else "\t")
        return pl.scan_csv(
            url,
            separator=mark,
            has_header=columns.header,
            new_columns=None if columns.names is None else list(columns.names),
            quote_char='"' if columns.quotes else None,
            infer_schema=False,
            **options,
        )
    expected = "parquet, arrow, csv, tsv or ndjson, or a copy on this machine"
    raise DataError(shown(url), f"the format {kind}", expected)


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Raises what a reader raises as one line without credentials."""
    try:
        with unprinted_panics():
            yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        text = " ".join(redacted(word) for word in lines[0].replace(url, shown(url)).split())
        for secret in [*secrets_of(url), *filter(None, map(os.environ.get, _SECRETS))]:
            text = text.replace(secret, HIDDEN)
        raise DataError(shown(url), text, "a table that can be reached and read") from None
