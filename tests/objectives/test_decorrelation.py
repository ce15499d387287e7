"""Equations 14, 19 and 20 as losses, against double loops in float64."""

from __future__ import annotations

import math

import naive
import pytest
import torch
from naive_losses import rows

from fullrank.objectives import (
    balance_loss,
    bce,
    bce_unobserved,
    decorrelated_log_positive,
    decorrelation,
    direct_au,
    info_nce,
    self_paced_decorrelation,
)
from fullrank.spectrum import correlation, unit_rows


def squares(x: torch.Tensor) -> float:
    h = naive.unit(x)
    return sum(float(h[u] @ h[v]) ** 2 for u in range(len(h)) for v in range(len(h)))


def exponentials(x: torch.Tensor, tau: float) -> float:
    h = naive.unit(x)
    return sum(math.exp(tau * float(h[u] @ h[v])) for u in range(len(h)) for v in range(len(h)))


def observed(user: torch.Tensor, item: torch.Tensor) -> float:
    pairs = zip(naive.unit(user), naive.unit(item), strict=True)
    return sum(math.log1p(math.exp(-float(u @ i))) for u, i in pairs) / len(user)


def test_equations_14_and_20():
    x = rows(9, 4)
    assert decorrelation(x).item() == pytest.approx(squares(x), rel=1e-12)
    assert decorrelation(x).item() == pytest.approx(correlation(x), rel=1e-12)
    found = self_paced_decorrelation(x, 3.5).item()
    assert found == pytest.approx(exponentials(x, 3.5), rel=1e-12)


def test_equation_19_and_its_second_term_alone():
    user, item = rows(7, 4), rows(7, 4, seed=1)
    for tau, sums in ((None, squares), (2.5, lambda x: exponentials(x, 2.5))):
        alone = 0.3 * (sums(user) + sums(item)) / 7
        assert balance_loss(user, item, 0.3, tau).item() == pytest.approx(alone, rel=1e-12)
        both = decorrelated_log_positive(user, item, 0.3, tau).item()
        assert both == pytest.approx(observed(user, item) + alone, rel=1e-12)


@pytest.mark.parametrize(
    "loss",
    [
        lambda u, i: decorrelation(u) + decorrelation(i),
        lambda u, i: self_paced_decorrelation(u, 3.0) + self_paced_decorrelation(i, 2.0),
        lambda u, i: balance_loss(u, i, 0.5),
        lambda u, i: decorrelated_log_positive(u, i, 0.5, 3.0),
    ],
    ids=["14", "20", "14 and 14", "19"],
)
def test_gradients_and_invariances(loss):
    user, item = rows(6, 4).requires_grad_(), rows(6, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(loss, (user, item))
    assert torch.autograd.gradgradcheck(loss, (user, item))
    value = loss(user, item)
    order, turn = torch.randperm(6), torch.linalg.qr(rows(4, 4, seed=2)).Q
    torch.testing.assert_close(loss(user[order] @ turn, item[order] @ turn), value)
    torch.testing.assert_close(loss(3 * user, 0.2 * item), value)


def test_a_step_on_equation_14_is_the_filter_of_directspec():
    """Equations 15 and 16: the gradient of unit rows is 4 H HᵀH."""
    h = unit_rows(rows(8, 4)).requires_grad_()
    gram = h.T @ h
    (grad,) = torch.autograd.grad(gram.square().sum(), h)
    alpha = 0.05
    torch.testing.assert_close(h - alpha / 4 * grad, naive.direct_spec(h.detach(), alpha))
    # On raw rows it is the part of that gradient that turns them.
    leaf = h.detach().clone().requires_grad_()
    (turned,) = torch.autograd.grad(decorrelation(leaf), leaf)
    along = (grad * h).sum(dim=1, keepdim=True) * h
    torch.testing.assert_close(turned, (grad - along).detach())


def test_a_flat_spectrum_is_the_least_of_equation_14_and_equal_rows_the_most():
    flat = torch.eye(4, dtype=torch.float64).repeat(5, 1)
    assert decorrelation(flat).item() == pytest.approx(20 * 20 / 4)
    assert decorrelation(torch.ones(20, 4)).item() == pytest.approx(20 * 20)
    for seed in range(5):
        assert 100 < decorrelation(rows(20, 4, seed=seed)).item() < 400


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_does_not_reach_the_products(dtype):
    x, y = (rows(16, 4, seed=seed).float() for seed in (0, 1))
    expected = decorrelated_log_positive(x, y, 0.5, 3.0)
    with torch.autocast("cpu", dtype=dtype):
        torch.testing.assert_close(decorrelated_log_positive(x, y, 0.5, 3.0), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(
    "loss",
    [
        decorrelation,
        lambda x: self_paced_decorrelation(x, 3.0),
        lambda x: balance_loss(x, x.flip(0), 0.5),
        lambda x: info_nce(x, x.flip(0), x, 0.01),
        lambda x: direct_au(x, x.flip(0), 1.0),
    ],
    ids=["equation 14", "equation 20", "balance", "info_nce", "direct_au"],
)
def test_narrow_rows_have_the_loss_that_they_have_in_float32(loss, dtype):
    """Of 400 rows that are nearly alike, both sums are more than float16 holds."""
    x = (1 + 0.1 * rows(400, 4)).to(dtype).requires_grad_()
    wide = x.detach().double().requires_grad_()
    found, expected = loss(x), loss(wide)
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)
    found.backward()
    assert x.grad.isfinite().all()


def test_negatives_alone_are_what_is_left_of_bce():
    user, item, negative = rows(5, 3), rows(5, 3, seed=1), rows(5, 2, 3, seed=2)
    far = 1e3 * user  # a pair that scores beyond doubt has no loss
    found = bce_unobserved(user, item, negative)
    torch.testing.assert_close(found, bce(user, far, negative))
    assert torch.autograd.gradcheck(
        bce_unobserved, tuple(x.requires_grad_() for x in (user, item, negative))
    )
