"""The table of targets, and one case of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from fullrank.errors import FullrankError
from fuzzing import columnar, embeddings, models, tables


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
