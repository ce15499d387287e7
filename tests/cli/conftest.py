from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from command import COLUMNS, QUICK, fullrank

from fullrank import generate


@pytest.fixture(scope="session")
def events(tmp_path_factory) -> Path:
    """A CSV with odd column names and ids: 150 customers, 80 articles, 2,000 rows."""
    frame = generate(150, 80, 2000, seed=2, timestamps=True).to_frame()
    path = tmp_path_factory.mktemp("events") / "orders.csv"
    frame.select(
        pl.lit("00").add(pl.col("user_id").str.slice(1)).alias("Customer No"),
        pl.concat_str(pl.lit("art/"), pl.col("item_id")).alias("SKU"),
        pl.col("timestamp").alias("when"),
    ).write_csv(path)
    return path


@pytest.fixture(scope="session")
def model(events, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "model"
    run = fullrank("fit", events, "-o", folder, *COLUMNS, *QUICK)
    assert run.code == 0, run.err
    return folder
