"""The table of targets, and one case of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from fullrank.errors import FullrankError
from fuzzing import columnar, embeddings, models, nightly, tables


class Target(NamedTuple):
    """What a fuzzer gives bytes to."""

    run: Callable[[bytes, Path], None]
    """Raises nothing but `FullrankError`; writes into the folder."""
    seeds: Callable[[], Iterable[bytes]]
    """Where the fuzzer starts."""


TARGETS = {
    "readers": Target(tables.reading, tables.seeds_of_readings),
    "titles": Target(tables.titles, tables.seeds_of_readings),
    "splits": Target(tables.split_folder, tables.seeds_of_splits),
    "inspect": Target(embeddings.inspecting, embeddings.seeds),
    "models": Target(models.loading, models.seeds),
    "columnar": Target(columnar.reading, columnar.seeds),
    "rules": Target(nightly.rules, nightly.seeds_of_rules),
    "filters": Target(nightly.filters, nightly.seeds_of_filters),
    "packed": Target(nightly.packed_text, nightly.seeds_of_packed),
    "lines": Target(nightly.lines, nightly.seeds_of_lines),
    "queries": Target(nightly.queries, nightly.seeds_of_queries),
    "requests": Target(nightly.requests, nightly.seeds_of_requests),
}


def case(name: str, data: bytes, folder: Path) -> bool:
    """Runs one case; False where the input was refused.

    Raises:
        Exception: anything but `FullrankError`: a crash.
    """
    try:
        TARGETS[name].run(data, folder)
    except FullrankError:
        return False
    return True
