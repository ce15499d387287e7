"""Beyond one process: tables in blocks over workers, data in blocks on disk, lists by many."""
