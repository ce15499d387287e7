"""The process that starts the workers needs no memory for the pairs of a store."""

from __future__ import annotations

import tracemalloc

import numpy as np
import polars as pl
import pytest
import torch

import fullrank as fr
from fullrank.data.store import prepare
from fullrank.scale import fit
from fullrank.scale.blocks import bounds
from fullrank.scale.evaluating import piece_of
from fullrank.scale.group import Group
from fullrank.scale.job import Found
from fullrank.scale.measuring import Measuring
from fullrank.scale.stored import Stored

USERS, ITEMS, K, SOME = 1000, 2000, (10,), 20


def peak_of_a_fit(home, rows, monkeypatch):
    """Bytes that a fit by workers, its evaluation and a save take; the pairs of the train part."""
    rng = np.random.default_rng(rows)
    user, item = rng.integers(USERS, size=rows), rng.integers(ITEMS, size=rows)
    table = pl.DataFrame({"user_id": user, "item_id": item})
    home.mkdir()
    table.write_parquet(home / "t.parquet")
    store = prepare(home / "t.parquet", home / "store")
    tables = tuple(torch.rand(n, 4) for n in (store.users, store.items))
    source = Stored.of(store, evaluated=SOME)
    measuring = Measuring(Group(), bounds(store.items, 1), source)
    piece = piece_of(measuring, tables, K)
    found = [Found(*(each.numpy() for each in tables), {"collectives": {}, "seconds": 0.0}, piece)]
    monkeypatch.setattr("fullrank.scale.fitting.run", lambda *_: found)
    tracemalloc.start()
    model = fit(fr.Recommender("bpr"), store, workers=2, k=K, evaluated=SOME)
    model.save(home / "model")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert model.metrics["protocol"]["users_evaluated"] == SOME
    return peak, len(model.train)


@pytest.mark.slow
def test_its_memory_does_not_grow_with_the_pairs(tmp_path, monkeypatch):
    monkeypatch.setattr("fullrank.data.blocks.BLOCK", 1 << 12)  # pairs that are held at a time
    for room in ("serving.fold_in", "auditing.shares"):
        monkeypatch.setattr(f"fullrank.{room}.BLOCK", 8)  # and users
    peak_of_a_fit(tmp_path / "warm", 20_000, monkeypatch)  # what is imported and kept
    few, n = peak_of_a_fit(tmp_path / "few", 30_000, monkeypatch)
    many, more = peak_of_a_fit(tmp_path / "many", 1_500_000, monkeypatch)
    assert more > 30 * n
    assert many - few < more / 20  # a look at each pair would take a byte for it, their rows four
