"""Data sets by name: where their files live, and what must be in them."""

from fullrank.data.catalog.entries import CATALOG, Entry, File
from fullrank.data.catalog.homes import cached, entries, fetch, find, local

__all__ = ["CATALOG", "Entry", "File", "cached", "entries", "fetch", "find", "local"]
