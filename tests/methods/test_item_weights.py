"""Random walks and SLIM: weights between items, against loops on dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from dense import degrees, dense_of, scores

from fullrank import METHODS
from fullrank.methods.closed_form import pruning, slim


@pytest.mark.parametrize("beta", [0.0, 0.6])
@pytest.mark.parametrize("unit_rows", [False, True])
def test_random_walks(data, beta, unit_rows, monkeypatch):
    monkeypatch.setattr(pruning, "ROWS", 9)
    dense, alpha, k = dense_of(data), 0.7, 5
    users, items = degrees(dense)
    n = dense.shape[1]
    weights = np.zeros((n, n))
    for i in range(n):  # the walk from item i over its users, one pair of steps at a time
        for j in range(n):
            if i != j:
                both = (dense[:, i] / items[i]) ** alpha * (dense[:, j] / users) ** alpha
                weights[i, j] = both.sum() / items[j] ** beta
        weakest = np.argsort(-weights[i], kind="stable")[k:]
        weights[i, weakest] = 0
        if unit_rows and weights[i].sum():
            weights[i] /= weights[i].sum()
    name, settings = ("rp3beta", {"beta": beta}) if beta else ("p3alpha", {})
    got = scores(name, data, neighbours=k, alpha=alpha, unit_rows=unit_rows, **settings)
    np.testing.assert_allclose(got, dense @ weights, rtol=1e-4, atol=1e-6)


def test_largest_of_rows_keeps_the_first_of_equals():
    block = sp.csr_array(np.array([[1.0, 3, 2, 2, 0], [0, 0, 0, 0, 0], [-1, 5, 5, 5, 5]]))
    kept = pruning.largest_of_rows(block, 2).toarray()
    assert kept.tolist() == [[0, 3, 2, 0, 0], [0, 0, 0, 0, 0], [0, 5, 5, 0, 0]]


@pytest.mark.parametrize("whole", [0, 3_000])
@pytest.mark.parametrize("neighbours", [4, 119])
def test_slim(data, neighbours, whole, monkeypatch):
    """Least squares of each column on its neighbours, the penalty as further rows."""
    monkeypatch.setattr(pruning, "ROWS", 9)
    monkeypatch.setattr(slim, "WHOLE", whole)
    dense, ridge = dense_of(data), 3.0
    n = dense.shape[1]
    length = np.sqrt((dense**2).sum(0))
    cosine = dense.T @ dense / np.outer(*[np.where(length > 0, length, 1)] * 2)
    np.fill_diagonal(cosine, 0)
    weights = np.zeros((n, n))
    for j in range(n):
        near = np.argsort(-cosine[j].round(12), kind="stable")[:neighbours]
        near = near[cosine[j, near] > 0]
        design = np.concatenate((dense[:, near], np.sqrt(ridge) * np.eye(len(near))))
        target = np.concatenate((dense[:, j], np.zeros(len(near))))
        weights[near, j] = np.linalg.lstsq(design, target, rcond=None)[0]
    got = METHODS["slim"](neighbours=neighbours, ridge=ridge).solve(data, "cpu").weights
    same = np.isclose(got.toarray(), weights, rtol=1e-4, atol=1e-6).all(axis=0)
    assert same.mean() > (0.9 if neighbours == 4 else 0.999)  # rounding decides between equals


def test_slim_has_the_same_bits_whether_products_are_held_or_not(data, monkeypatch):
    held = METHODS["slim"](neighbours=9).solve(data, "cpu").weights
    monkeypatch.setattr(slim, "WHOLE", 0)
    assert (METHODS["slim"](neighbours=9).solve(data, "cpu").weights != held).nnz == 0


@pytest.mark.parametrize(("name", "share"), [("slim", 1.6), ("ease", 2.5)])
def test_the_ridge_follows_the_data(data, name, share):
    """Of an interaction drawn at random: how often its item is interacted with, weights squared."""
    dense = dense_of(data)
    drawn = [(dense[:, item] ** 2).sum() for item in data.item_idx]
    odds = [dense[user, item] ** 2 for user, item in zip(data.user_idx, data.item_idx, strict=True)]
    ridge = float(f"{share * np.average(drawn, weights=odds):.2g}")
    scorer = METHODS[name]().solve(data, "cpu")
    assert scorer.metadata == {name: {"ridge": ridge}}
    given = METHODS[name](ridge=ridge).solve(data, "cpu")
    assert (sp.csr_array(scorer.weights) != sp.csr_array(given.weights)).nnz == 0


def test_slim_on_all_items_is_ease(small):
    """But for pairs of items without a common user, which SLIM leaves at zero."""
    sparse = scores("slim", small.train, neighbours=119, ridge=20.0)
    whole = scores("ease", small.train, ridge=20.0)
    correlation = np.corrcoef(sparse.ravel(), whole.ravel())[0, 1]
    assert correlation > 0.98
