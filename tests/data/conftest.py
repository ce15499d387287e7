import os
from pathlib import Path

import polars as pl
import pytest

from fullrank.data import Interactions

# Tests change the working directory; the variable may hold a relative path.
FOLDER = Path(os.environ["FULLRANK_DATA"]).resolve() if "FULLRANK_DATA" in os.environ else None


@pytest.fixture(autouse=True)
def _nothing_at_hand(monkeypatch, tmp_path):
    """No test reads data or a cache that it did not ask for."""
    monkeypatch.delenv("FULLRANK_DATA", raising=False)
    monkeypatch.setenv("FULLRANK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def real_data(monkeypatch):
    """The folder of published data sets, which `load` now looks in too."""
    if FOLDER is None or not FOLDER.is_dir():
        pytest.skip("FULLRANK_DATA names no folder of data sets")
    monkeypatch.setenv("FULLRANK_DATA", str(FOLDER))
    return FOLDER


@pytest.fixture
def events():
    """Seven rows with one repeated pair, weights and times."""
    return pl.DataFrame(
        {
            "user_id": ["b", "a", "b", "a", "c", "b", "aa"],
            "item_id": ["10", "9", "9", "10", "10", "10", "9"],
            "weight": [1.0, 2.0, 0.5, 1.0, 3.0, 2.5, 1.0],
            "timestamp": [5, 1, 7, 3, 2, 4, 6],
        }
    )


@pytest.fixture
def cells():
    """Gives each pair of raw ids of a table with its weight and time."""
    return _cells


def _cells(data: Interactions) -> dict[tuple[object, object], tuple[float | None, object]]:
    frame = data.to_frame()
    weight = frame["weight"] if "weight" in frame.columns else [None] * len(frame)
    time = frame["timestamp"] if "timestamp" in frame.columns else [None] * len(frame)
    pairs = zip(frame["user_id"], frame["item_id"], strict=True)
    return dict(zip(pairs, zip(weight, time, strict=True), strict=True))
