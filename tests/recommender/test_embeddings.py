"""What is computed of the two tables: similar items, the spectrum."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from recommending import of_tables

import fullrank as fr
from fullrank import FitError


@pytest.mark.slow
def test_similar_items_are_those_of_the_smallest_angle(model):
    frame = model.similar_items(["i3", "i9"], k=4)
    assert frame.columns == ["item_id", "similar_item_id", "title", "score", "rank"]
    assert frame["item_id"].to_list() == ["i3"] * 4 + ["i9"] * 4
    table = model.item_embeddings.double()
    for row in (3, 9):
        cosine = torch.nn.functional.cosine_similarity(table[row], table)
        cosine[row] = -2
        wanted = cosine.topk(4)
        own = frame.filter(pl.col("item_id") == f"i{row}")
        assert own["similar_item_id"].to_list() == [f"i{item}" for item in wanted.indices.tolist()]
        np.testing.assert_allclose(own["score"].to_numpy(), wanted.values, rtol=1e-5)
    everything = model.similar_items(["i3"], k=1000)["similar_item_id"]
    assert len(everything) == 119
    assert "i3" not in everything


def test_an_item_is_not_similar_to_itself_even_among_duplicates(model):
    twins = of_tables(model.user_embeddings, torch.ones(120, 8), model.train)
    assert twins.similar_items(["i1"], k=3)["similar_item_id"].to_list() == ["i0", "i2", "i3"]
    assert len(twins.similar_items(["i1"], k=120)) == 119


def test_the_spectrum_is_that_of_both_tables_stacked(model):
    stacked = torch.cat(
        [t[rows] for t, rows in zip(model._tables(), model._trained.rows, strict=True)]
    )
    assert model.spectrum().effective_rank == pytest.approx(fr.spectrum.effective_rank(stacked))


def test_tables_that_are_not_finite_are_not_ranked(model):
    broken = torch.full((120, 8), torch.nan)
    with pytest.raises(FitError, match="item table, row 0: found NaN or infinity"):
        of_tables(model.user_embeddings, broken, model.train)
