"""Readers of interaction files, one module a format."""

from fullrank.data.columns import Format
from fullrank.data.readers.formats import SUFFIXES, format_of
from fullrank.data.readers.items import read_items
from fullrank.data.readers.reading import read, read_titles

__all__ = ["SUFFIXES", "Format", "format_of", "read", "read_items", "read_titles"]
