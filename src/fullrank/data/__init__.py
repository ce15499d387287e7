"""Interactions: reading them, numbering their ids, dividing them, fetching and generating them.

Everything here is tables and arrays; no tensor, no model.
"""

from fullrank.data.catalog import entries, fetch
from fullrank.data.columns import Columns
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.kcore import k_core
from fullrank.data.loading import load
from fullrank.data.readers import read, read_items, read_titles
from fullrank.data.splits import Split, hold_out, leave_last_out, random_split, time_split
from fullrank.data.synthetic import generate
from fullrank.data.validation import draw_validation

__all__ = [
    "Columns",
    "Ids",
    "Interactions",
    "Split",
    "draw_validation",
    "entries",
    "fetch",
    "generate",
    "hold_out",
    "k_core",
    "leave_last_out",
    "load",
    "random_split",
    "read",
    "read_items",
    "read_titles",
    "time_split",
]
