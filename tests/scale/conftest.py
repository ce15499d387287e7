from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from workers import Workers


def group_of(size: int, folder) -> Iterator[Workers]:
    """Processes of a gloo group, for as long as the tests run."""
    if sys.platform == "win32":
        pytest.skip("processes that meet over a file are not tried on Windows")
    workers = Workers(size, folder)
    yield workers
    workers.close()


@pytest.fixture(scope="session")
def two(tmp_path_factory) -> Iterator[Workers]:
    """Two processes of a gloo group."""
    yield from group_of(2, tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="session")
def three(tmp_path_factory) -> Iterator[Workers]:
    """Three processes of a gloo group."""
    yield from group_of(3, tmp_path_factory.mktemp("three"))
