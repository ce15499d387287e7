"""Fold-in by weights, where the model learned by them."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
import torch
from drawn_tables import tables

from fullrank import Interactions, Recommender
from fullrank.serving import fold_in
from fullrank.serving.fold_in import RIDGE, fold_in_users


def test_weighted_means_by_hand():
    """One trained user with items (1, 0) and (0, 1) of weights 3 and 1, f = (3/4, 1/4)."""
    items = torch.tensor([[2.0, 0.0], [0.0, 5.0]], dtype=torch.float64)
    users = torch.tensor([[4.0, 8.0]], dtype=torch.float64)
    train = Interactions.from_scipy(np.array([[3.0, 1.0]]))
    f = np.array([[0.75, 0.25]])
    square = f.T @ f
    square += RIDGE * np.trace(square) / 2 * np.eye(2)
    by_hand = np.linalg.inv(square) @ f.T @ users.numpy()
    mapping = fold_in.fold_in_map(users, items, train, weighted=True)
    np.testing.assert_allclose(mapping, by_hand, rtol=1e-12)
    guests = Interactions.from_scipy(np.array([[1.0, 4.0], [0.0, 7.0]]))
    got = fold_in_users(users, items, train, guests, weighted=True)
    np.testing.assert_allclose(got, np.array([[0.2, 0.8], [0.0, 1.0]]) @ by_hand, rtol=1e-7)
    plain = fold_in_users(users, items, train, guests)
    even = Interactions.from_scipy(np.array([[1.0, 1.0]]))
    others = Interactions.from_scipy(np.array([[1.0, 1.0], [0.0, 1.0]]))
    torch.testing.assert_close(plain, fold_in_users(users, items, even, others, weighted=True))
    assert not torch.allclose(plain, got, rtol=1e-2)


def weighted_pairs(n_users, n_items=20, seed=0):
    rng = np.random.default_rng(seed)
    dense = (rng.random((n_users, n_items)) < 0.3) * rng.integers(1, 9, (n_users, n_items)) / 2
    dense[np.arange(n_users), np.arange(n_users) % n_items] = 2.5
    return dense, Interactions.from_scipy(dense)


def test_weighted_means_against_a_loop_in_blocks_and_at_any_scale(monkeypatch):
    users, items = tables()
    (dense, train), (others, guests) = weighted_pairs(30), weighted_pairs(7, seed=5)

    def features(matrix):
        means = []
        for row in matrix:
            own = [row[i] * items[i] / items[i].norm() for i in np.flatnonzero(row)]
            means.append(sum(own) / row.sum())
        return torch.stack(means)

    known = features(dense)
    penalty = RIDGE * (known**2).sum() / known.shape[1]
    square = known.T @ known + penalty * torch.eye(known.shape[1], dtype=known.dtype)
    naive = features(others) @ torch.linalg.inv(square) @ known.T @ users
    got = fold_in_users(users, items, train, guests, weighted=True)
    torch.testing.assert_close(got, naive, rtol=1e-6, atol=1e-9)
    monkeypatch.setattr(fold_in, "BLOCK", 7)
    larger = Interactions.from_scipy(1024 * dense)
    again = fold_in_users(users, items, larger, guests, weighted=True)
    torch.testing.assert_close(again, got)


@pytest.mark.parametrize("method", ["ials", "bpr"])
def test_a_model_that_learned_by_weights_folds_in_by_weights(method, tmp_path):
    _, train = weighted_pairs(60)
    settings = {"ials": {"dim": 4}, "bpr": {"dim": 4, "epochs": 2, "batch_size": 16}}[method]
    models = {"used": Recommender(method, **settings)}
    if method == "bpr":
        models = {
            "used": Recommender(method, **settings, weighted=True),
            "unused": Recommender(method, **settings),
        }
    heavy = {"user_id": ["g", "g"], "item_id": ["0", "1"], "weight": [9.0, 1.0]}
    light = heavy | {"weight": [1.0, 9.0]}
    ids = pl.concat_str(pl.lit(""), pl.col("item_id"))
    frame = train.to_frame().with_columns(item_id=ids)
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of weights that are not used
            model.fit(frame)
        rows = [model.fold_in(pl.DataFrame(each)).user_embeddings for each in (heavy, light)]
        assert torch.equal(*rows) == (name == "unused")
        model.save(tmp_path / name)
        model.fold_in(pl.DataFrame(light)).save(tmp_path / f"{name}-folded")
        for folder in (name, f"{name}-folded"):
            loaded = Recommender.load(tmp_path / folder)
            again = loaded.fold_in(pl.DataFrame(heavy))
            assert torch.equal(again.user_embeddings, rows[0])
        even = model.fold_in({"g": ["0", "1"]})
        assert torch.equal(even.user_embeddings, rows[0]) == (name == "unused")
        assert torch.equal(even.fold_in(pl.DataFrame(heavy)).user_embeddings, rows[0])


def test_weights_of_newcomers_count_for_nothing_where_none_were_learned():
    dense, train = weighted_pairs(60)
    plain = Interactions.from_scipy((dense > 0).astype(np.float32))
    plain = Interactions.from_rows(plain.users, plain.items, plain.user_idx, plain.item_idx)
    guest = {"user_id": ["g", "g"], "item_id": [0, 1], "weight": [9.0, 1.0]}
    even = pl.DataFrame(guest).drop("weight")
    for data, same in ((plain, True), (train, False)):
        model = Recommender("itemknn", neighbours=5).fit(data)
        lists = [model.fold_in(each).recommend(k=9) for each in (pl.DataFrame(guest), even)]
        assert lists[0].equals(lists[1]) is same
