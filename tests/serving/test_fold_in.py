"""The fold-in map: ridge regression of user rows on the means of their items, against a loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from drawn_tables import tables

import fullrank as fr
from fullrank import Interactions
from fullrank.serving import fold_in
from fullrank.serving.fold_in import RIDGE, fold_in_users


def pairs(n_users=30, n_items=20, seed=0) -> Interactions:
    """From one to eight items of each user: a mean is no sum."""
    rng = np.random.default_rng(seed)
    dense = np.zeros((n_users, n_items))
    for row in dense:
        row[rng.choice(n_items, rng.integers(1, 9), replace=False)] = 1
    return Interactions.from_scipy(dense)


def naive(user_table, item_table, train, new):
    """Row by row: ridge regression of user rows on the means of their items' unit rows."""

    def features(data):
        means = []
        for user in range(data.n_users):
            own = data.item_idx[data.indptr[user] : data.indptr[user + 1]]
            means.append(sum(item_table[i] / item_table[i].norm() for i in own.tolist()) / len(own))
        return torch.stack(means)

    known = features(train)
    penalty = RIDGE * (known**2).sum() / known.shape[1]
    square = known.T @ known + penalty * torch.eye(known.shape[1], dtype=known.dtype)
    return features(new) @ torch.linalg.inv(square) @ known.T @ user_table


def test_against_the_formula_user_by_user():
    users, items = tables()
    train, guests = pairs(), pairs(7, seed=5)
    got = fold_in_users(users, items, train, guests)
    torch.testing.assert_close(got, naive(users, items, train, guests), rtol=1e-9, atol=1e-12)


def test_one_user_and_one_item_by_hand(interactions_of):
    """x = 3, f = 1, the penalty a hundredth: W = 3 / 1.01, whatever the length of the item."""
    one = interactions_of([[1]])
    rows = fold_in_users(torch.tensor([[3.0]]), torch.tensor([[5.0]]), one, one)
    assert rows.item() == pytest.approx(3 / 1.01)


def test_turning_both_tables_turns_the_new_rows():
    users, items = tables()
    turn = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64)).Q
    plain = fold_in_users(users, items, pairs(), pairs(7, seed=5))
    turned = fold_in_users(users @ turn, items @ turn, pairs(), pairs(7, seed=5))
    torch.testing.assert_close(turned, plain @ turn, rtol=1e-9, atol=1e-12)


def test_users_without_pairs_and_lengths_of_items_do_not_count():
    users, items = tables()
    train = pairs()
    plain = fold_in_users(users, items, train, pairs(7, seed=5))
    padded = torch.cat((users, torch.full((2, 4), 1e6, dtype=torch.float64)))
    idle = Interactions.from_rows(fr.Ids.numbered(32), train.items, train.user_idx, train.item_idx)
    longer = items * torch.arange(1, 21, dtype=torch.float64)[:, None]
    got = fold_in_users(padded, longer, idle, pairs(7, seed=5))
    torch.testing.assert_close(got, plain, rtol=1e-9, atol=1e-12)


def test_blocks_of_users_give_the_same_map(monkeypatch):
    users, items = tables()
    whole = fold_in.fold_in_map(users, items, pairs())
    monkeypatch.setattr(fold_in, "BLOCK", 7)
    torch.testing.assert_close(fold_in.fold_in_map(users, items, pairs()), whole)


def test_tables_of_zeros_have_a_map_of_zeros():
    assert not fold_in.fold_in_map(torch.zeros(30, 4), torch.zeros(20, 4), pairs()).any()
