"""Where interactions lie: one file, many, a database, an object store, standard input."""

from fullrank.data.sources.address import kind_of, redacted, shown
from fullrank.data.sources.files import is_pattern

__all__ = ["is_pattern", "kind_of", "redacted", "shown"]
