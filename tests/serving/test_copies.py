"""What a model hands out cannot change the model."""

from __future__ import annotations

import copy

import numpy as np
import polars as pl
import pytest

from fullrank import Recommender


@pytest.fixture
def model(small):
    return Recommender(dim=8, batch_size=64, epochs=1).fit(small)


@pytest.mark.slow
def test_embeddings_are_copies(model):
    before = model.recommend(k=5), model.similar_items(["i3"]), model.spectrum().effective_rank
    model.user_embeddings[:] = 0
    model.item_embeddings[:] = float("nan")
    after = model.recommend(k=5), model.similar_items(["i3"]), model.spectrum().effective_rank
    assert before[0].equals(after[0])
    assert before[1].equals(after[1])
    assert before[2] == after[2]
    assert model.user_embeddings.abs().sum() > 0


@pytest.mark.slow
def test_nothing_inside_copies_the_tables(model, tmp_path, monkeypatch):
    for name in ("user_embeddings", "item_embeddings"):
        monkeypatch.setattr(Recommender, name, property(lambda _: pytest.fail("copied")))
    model.recommend(["u1"]), model.similar_items(["i1"]), model.spectrum(), model.evaluate(k=5)
    model.fold_in({"x": ["i1"]})
    model.save(tmp_path / "m")
    Recommender.load(tmp_path / "m").recommend(["u1"])


@pytest.mark.slow
def test_frames_are_made_anew(model):
    frame = model.recommend(["u1"], k=5)
    before = frame.clone()
    for name in frame.columns:
        frame[0, name] = None
    assert not frame.equals(before)
    assert model.recommend(["u1"], k=5).equals(before)
    ids = model.items.values.clone()
    near = model.similar_items(["i1"])
    near[0, "similar_item_id"] = "changed"
    assert model.items.values.equals(ids)


@pytest.mark.parametrize("part", ["train", "test"])
def test_interactions_cannot_be_written_to(model, part):
    data = getattr(model, part)
    for array in (data.indptr, data.item_idx):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_arrays_stay_writable_to_whoever_made_them_and_do_not_reach_the_table(small):
    indptr, items = np.arange(201), np.zeros(200, dtype=np.int32)
    data = type(small.train)(small.train.users, small.train.items, indptr, items)
    items[0] = 7
    assert data.item_idx[0] == 0
    assert not data.item_idx.flags.writeable


def test_what_describes_a_model_is_a_copy(model):
    model.training["epochs"] = 99
    model.training["history"].clear()
    assert model.training["epochs"] == 1
    assert len(model.training["history"]) == 1
    mine = {"metrics": {"ndcg@20": 0.5}}
    model.metrics = mine
    mine["metrics"]["ndcg@20"] = 1
    model.metrics["metrics"]["ndcg@20"] = 2
    assert model.metrics == {"metrics": {"ndcg@20": 0.5}}
    assert Recommender().training == Recommender().metrics == {}


def test_a_model_can_be_copied(model):
    model.recommend(["u1"]), model.similar_items(["i1"])
    twin = copy.deepcopy(model)
    model.scorer.user_table.zero_()
    assert twin.recommend(["u1"])["score"].abs().sum() > 0
    assert isinstance(twin.similar_items(["i1"]), pl.DataFrame)
