"""Data larger than memory: numbered and divided by hashes, kept in files that are mapped."""

from fullrank.data.store.opening import Store, is_store
from fullrank.data.store.preparing import prepare

__all__ = ["Store", "is_store", "prepare"]
