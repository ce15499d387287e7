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


NAMES = ["log_positive", "euclidean_positive", "bpr", "bce"]
CASES = [
    (log_positive, naive_log_positive, 2),
    (euclidean_positive, naive_euclidean, 2),
    (bpr, naive_bpr, 3),
    (bce, naive_bce, 3),
]
EACH = pytest.mark.parametrize(("loss", "naive", "arity"), CASES, ids=NAMES)


def batch(arity: int, negatives: int = 3) -> tuple[torch.Tensor, ...]:
    return (rows(6, 4), rows(6, 4, seed=1), rows(6, negatives, 4, seed=2))[:arity]


@EACH
def test_formula(loss, naive, arity):
    for negatives in (1, 3):
        tensors = batch(arity, negatives)
        assert loss(*tensors).shape == ()
        assert loss(*tensors).item() == pytest.approx(naive(*tensors), rel=1e-12)


@EACH
def test_gradient(loss, naive, arity):
    leaves = [each.clone().requires_grad_() for each in batch(arity)]
    assert torch.autograd.gradcheck(loss, leaves)


@EACH
def test_invariances(loss, naive, arity):
    tensors = batch(arity)
    expected = loss(*tensors)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(loss(*(each[order] for each in tensors)), expected)
    rotation = torch.linalg.qr(rows(4, 4, seed=4)).Q
    torch.testing.assert_close(loss(*(each @ rotation for each in tensors)), expected)
    twice = [torch.cat((each, each)) for each in tensors]  # a mean over the batch, not a sum
    torch.testing.assert_close(loss(*twice), expected)
    if arity == 3:
        user, item, negative = tensors
        torch.testing.assert_close(loss(user, item, negative.flip(1)), expected)


@pytest.mark.parametrize("loss", [bpr, bce])
def test_negatives_add_up(loss):
    user, item, negative = batch(3)
    one_each = torch.stack([loss(user, item, negative[:, n : n + 1]) for n in range(3)]).sum()
    positives = 2 * log_positive(user, item) if loss is bce else 0
    torch.testing.assert_close(loss(user, item, negative), one_each - positives)


def test_bpr_sees_differences_of_scores_only():
    user, item, negative = batch(3)
    shift = rows(4, seed=5)
    torch.testing.assert_close(bpr(user, item + shift, negative + shift), bpr(user, item, negative))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sign", [1, -1])
def test_scores_of_ten_thousand_are_exact_and_their_gradients_finite(sign, dtype):
    user = torch.full((2, 1), 100.0, dtype=dtype)
    item = sign * user
    negative = -item.unsqueeze(1)
    wrong = sign < 0  # positives at -10,000 and negatives at 10,000
    expected = {
        log_positive: 1e4 * wrong,
        euclidean_positive: 4e4 * wrong,
        bpr: 2e4 * wrong,
        bce: 2e4 * wrong,
    }
    for loss, _, arity in CASES:
        leaves = [each.clone().requires_grad_() for each in (user, item, negative)[:arity]]
        value = loss(*leaves)
        value.backward()
        assert value.item() == expected[loss]
        assert all(leaf.grad.isfinite().all() for leaf in leaves)
        assert (leaves[0].grad != 0).all() == wrong
