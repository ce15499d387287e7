"""SL@K: its formula, its thresholds, and when they are found."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fullrank.data import generate
from fullrank.encoders import MF, TensorBatch, WithThresholds
from fullrank.encoders.thresholds import kth_best
from fullrank.errors import SettingError
from fullrank.methods import build_method
from fullrank.objectives import softmax, softmax_at
from fullrank.scale.steps import check_method


def rows(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cosine(a, b):
    return float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))


@pytest.mark.parametrize("shared", [False, True])
def test_formula_and_gradient(shared):
    """The gradient is that of the losses alone, each times its weight."""
    user, item, threshold = rows(6, 4), rows(6, 4, seed=1), rows(6, seed=5)
    negative = rows(1 if shared else 6, 3, 4, seed=2)
    total, weights = 0.0, []
    for b in range(6):
        own = cosine(user[b], item[b])
        against = negative[0 if shared else b]
        below = math.exp(own / 0.4) + sum(math.exp(cosine(user[b], n) / 0.4) for n in against)
        weight = 1 / (1 + math.exp(-(own - float(threshold[b])) / 0.3))
        weights.append(weight)
        total -= weight * math.log(math.exp(own / 0.4) / below)
    how = {"temperature": 0.4, "weight_temperature": 0.3}
    found = softmax_at(user, item, negative, threshold, **how)
    assert found.item() == pytest.approx(total / 6, rel=1e-12)
    for b in range(6):
        leaves = [each.clone().requires_grad_() for each in (user, item, negative)]
        own = leaves[2] if shared else leaves[2][b : b + 1]
        alone = softmax(leaves[0][b : b + 1], leaves[1][b : b + 1], own, temperature=0.4)
        (weights[b] * alone / 6).backward()
        for leaf, sum_of in zip(leaves, (user, item, negative), strict=True):
            sum_of.grad = leaf.grad if sum_of.grad is None else sum_of.grad + leaf.grad
    leaves = [each.detach().clone().requires_grad_() for each in (user, item, negative)]
    softmax_at(*leaves, threshold, **how).backward()
    for leaf, expected in zip(leaves, (user, item, negative), strict=True):
        torch.testing.assert_close(leaf.grad, expected.grad, rtol=1e-12, atol=1e-15)


def test_far_above_all_thresholds_it_is_the_softmax():
    tensors = rows(6, 4), rows(6, 4, seed=1), rows(6, 3, 4, seed=2)
    below = torch.full((6,), -1e3, dtype=torch.float64)
    weighted = softmax_at(*tensors, below, temperature=0.4, weight_temperature=1.0)
    torch.testing.assert_close(weighted, softmax(*tensors, temperature=0.4))


@pytest.mark.parametrize("k", [1, 3, 7])
def test_kth_best_of_every_user(k, monkeypatch):
    monkeypatch.setattr("fullrank.encoders.thresholds.BLOCK", 14)  # two users at a time
    users, items = rows(5, 3), rows(7, 3, seed=1)
    for found, user in zip(kth_best(users, items, k).tolist(), users, strict=True):
        assert found == pytest.approx(sorted(cosine(user, i) for i in items)[-k], abs=1e-12)


def test_thresholds_are_found_when_it_is_time_and_once():
    inner = MF(rows(5, 3), rows(7, 3, seed=1))
    encoder = WithThresholds(inner, 2, every=3)
    rng, batch = (
        np.random.default_rng(0),
        TensorBatch(torch.tensor([3, 0]), torch.tensor([1, 2]), None),
    )
    for epoch in range(3):
        encoder.start_epoch(rng, epoch)
        assert not encoder.rows(batch).others[-1].any()
    encoder.start_epoch(rng, 3)
    first = kth_best(*inner.tables(), 2)
    torch.testing.assert_close(
        encoder.rows(batch).others[-1].double(), first[[3, 0]], rtol=0, atol=1e-6
    )
    inner.user_table.neg_()  # what steps do; the same epoch goes on from its middle
    encoder.start_epoch(rng, 3)
    torch.testing.assert_close(
        encoder.rows(batch).others[-1].double(), first[[3, 0]], rtol=0, atol=1e-6
    )
    encoder.start_epoch(rng, 6)
    assert not torch.allclose(encoder.rows(batch).others[-1].double(), first[[3, 0]], atol=1e-3)


def test_lists_longer_than_the_catalogue_and_several_workers():
    data = generate(20, 9, 60, seed=0)
    method = build_method("softmax", {"cutoff": 50, "batch_size": 16, "negatives": 4, "dim": 4})
    encoder = method.plan(data, "cpu").encoder
    encoder.start_epoch(np.random.default_rng(0), 5)
    assert encoder.parameters["thresholds"].any()
    with pytest.raises(SettingError, match="workers, setting cutoff: found 50; expected None"):
        check_method(method)
