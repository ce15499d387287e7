"""Losses of pairs and their negatives, against loops; gradients and invariances."""

from __future__ import annotations

import pytest
import torch
from naive_losses import (
    batch,
    naive_adaptive,
    naive_bce,
    naive_bpr,
    naive_ccl,
    naive_ccl_with_dropout,
    naive_cl_rec,
    naive_direct_au,
    naive_euclidean,
    naive_log_det,
    naive_log_positive,
    naive_margin,
    naive_penalised,
    naive_softmax,
    rows,
)

from fullrank.objectives import (
    adaptive_bpr,
    bce,
    bpr,
    ccl,
    cl_rec,
    direct_au,
    euclidean,
    euclidean_positive,
    log_det,
    log_positive,
    penalised_log_positive,
    softmax,
)


def fixed(loss, **values):
    return lambda *tensors: loss(*tensors, **values)


NAMES = [
    *("log_positive", "euclidean_positive", "bpr", "bce"),
    *("penalised_log_positive", "euclidean", "ccl", "softmax", "adaptive_bpr"),
    *("cl_rec", "direct_au", "log_det"),
]
CASES = [
    (log_positive, naive_log_positive, 2),
    (euclidean_positive, naive_euclidean, 2),
    (bpr, naive_bpr, 3),
    (bce, naive_bce, 3),
]
OTHERS = [
    (fixed(penalised_log_positive, decay=0.7), naive_penalised, 2),
    (fixed(euclidean, margin=9.0), naive_margin, 3),
    (fixed(ccl, margin=0.2, weight=7.0), naive_ccl, 3),
    (fixed(softmax, temperature=0.4), naive_softmax, 3),
    (adaptive_bpr, naive_adaptive, 3),
    (fixed(cl_rec, contrast=0.4, temperature=0.3), naive_cl_rec, 3),
    (fixed(direct_au, gamma=1.5), naive_direct_au, 2),
    (fixed(log_det, gamma=0.6), naive_log_det, 2),
]
ALL = pytest.mark.parametrize(("loss", "naive", "arity"), CASES + OTHERS, ids=NAMES)
EACH = pytest.mark.parametrize(("loss", "naive", "arity"), CASES, ids=NAMES[:4])


@ALL
def test_formula(loss, naive, arity):
    for negatives in (1, 3):
        tensors = batch(arity, negatives)
        assert loss(*tensors).shape == ()
        assert loss(*tensors).item() == pytest.approx(naive(*tensors), rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "naive", "arity"),
    [case for case in CASES + OTHERS if case[0] is not adaptive_bpr],
)
def test_gradient(loss, naive, arity):
    leaves = [each.clone().requires_grad_() for each in batch(arity)]
    assert torch.autograd.gradcheck(loss, leaves)


@pytest.mark.parametrize("seed", [0, 1])
def test_ccl_with_dropout_and_with_shared_negatives(seed):
    """Large factors, so that some pairs are above 1 and have no loss."""
    user, item, negative = rows(6, 4, seed=seed), rows(6, 4, seed=8), rows(6, 3, 4, seed=2)
    kept = 3.0 * (rows(6, 4, seed=3) > 0)
    loss = fixed(ccl, margin=0.2, weight=7.0)
    expected = naive_ccl_with_dropout(user, item, negative, kept)
    assert loss(user, item, negative, kept).item() == pytest.approx(expected, rel=1e-12)
    leaves = [each.requires_grad_() for each in (user, item, negative)]
    assert torch.autograd.gradcheck(lambda *tensors: loss(*tensors, kept), leaves)
    one = negative[:1].detach().requires_grad_()
    repeated = loss(user, item, one.expand(6, -1, -1), kept)
    torch.testing.assert_close(loss(user, item, one, kept), repeated)
    assert torch.autograd.gradcheck(lambda *tensors: loss(*tensors, kept), [user, item, one])


def test_softmax_with_shared_negatives_and_far_logits():
    user, item, negative = batch(3)
    loss = fixed(softmax, temperature=0.4)
    one = negative[:1].requires_grad_()
    torch.testing.assert_close(loss(user, item, one), loss(user, item, one.expand(6, -1, -1)))
    assert torch.autograd.gradcheck(lambda n: loss(user, item, n), [one])
    lengths = torch.arange(1.0, 7.0, dtype=torch.float64)[:, None]
    torch.testing.assert_close(loss(user * lengths, item, negative), loss(user, item, negative))
    assert softmax(user, -user, negative, temperature=1e-3).isfinite()


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


def test_the_weights_of_adaptive_bpr_are_constants_of_the_step():
    user, item, negative = (each.clone().requires_grad_() for each in batch(3))
    against = (user.unsqueeze(1) * negative).sum(2)
    weight = (1 - torch.log10(1 - against.sigmoid().clamp_max(0.99))).detach()
    by_hand = -torch.nn.functional.logsigmoid((user * item).sum(1, keepdim=True) - weight * against)
    expected = torch.autograd.grad(by_hand.sum() / 6, (user, item, negative))
    got = torch.autograd.grad(adaptive_bpr(user, item, negative), (user, item, negative))
    for mine, its in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, its, rtol=0, atol=1e-14)
