from __future__ import annotations

from collections.abc import Iterator

import pytest
from workers import Workers


@pytest.fixture(scope="session")
def two(tmp_path_factory) -> Iterator[Workers]:
    """Two processes of a gloo group."""
    workers = Workers(2, tmp_path_factory.mktemp("two"))
    yield workers
    workers.close()


@pytest.fixture(scope="session")
def three(tmp_path_factory) -> Iterator[Workers]:
    """Three processes of a gloo group."""
    workers = Workers(3, tmp_path_factory.mktemp("three"))
    yield workers
    workers.close()
