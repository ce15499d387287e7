from __future__ import annotations

import math

import pytest
import torch

from fullrank.objectives import bce, bpr, euclidean_positive, log_positive


def rows(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def dot(a: torch.Tensor, b: torch.Tensor) -> float:
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x))


def naive_log_positive(user, item):
    return -sum(log_sigmoid(dot(u, i)) for u, i in zip(user, item, strict=True)) / len(user)


def naive_euclidean(user, item):
    return sum(dot(u - i, u - i) for u, i in zip(user, item, strict=True)) / len(user)


def naive_bpr(user, item, negative):
    terms = [
        -log_sigmoid(dot(user[b], item[b]) - dot(user[b], negative[b, n]))
        for b in range(len(user))
        for n in range(negative.shape[1])
    ]
    return sum(terms) / len(user)


def naive_bce(user, item, negative):
    total = 0.0
    for b in range(len(user)):
        total -= log_sigmoid(dot(user[b], item[b]))
        for n in range(negative.shape[1]):
            total -= math.log(1 - 1 / (1 + math.exp(-dot(user[b], negative[b, n]))))
    return total / len(user)


CASES = [
    (log_positive, naive_log_positive, 2),
    (euclidean_positive, naive_euclidean, 2),
    (bpr, naive_bpr, 3),
    (bce, naive_bce, 3),
]


@pytest.mark.parametrize(("loss", "naive", "arity"), CASES)
def test_formula_gradient_and_invariance(loss, naive, arity):
    tensors = (rows(6, 4), rows(6, 4, seed=1), rows(6, 3, 4, seed=2))[:arity]
    assert loss(*tensors).item() == pytest.approx(naive(*tensors), rel=1e-12)
    leaves = [each.clone().requires_grad_() for each in tensors]
    assert torch.autograd.gradcheck(loss, leaves)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(loss(*(each[order] for each in tensors)), loss(*tensors))
    rotation = torch.linalg.qr(rows(4, 4, seed=4)).Q
    torch.testing.assert_close(loss(*(each @ rotation for each in tensors)), loss(*tensors))


@pytest.mark.parametrize(("loss", "naive", "arity"), CASES)
def test_extreme_scores_stay_finite(loss, naive, arity):
    for sign in (1, -1):
        user, item = torch.full((2, 1), 100.0), torch.full((2, 1), sign * 100.0)
        leaves = [user, item, -item.unsqueeze(1)][:arity]
        leaves = [each.clone().requires_grad_() for each in leaves]
        value = loss(*leaves)
        value.backward()
        assert value.isfinite()
        assert all(each.grad.isfinite().all() for each in leaves)
