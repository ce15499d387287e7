from __future__ import annotations

import pytest
import torch

from fullrank.spectrum import (
    functions,
    log_det_divergence,
    mean_log_sum_exp_dots,
    uniformity,
    unit_rows,
)
from fullrank.spectrum.functions import gaussian_potential


def rows(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_no_divergence_where_every_dimension_is_used_alike():
    h = torch.eye(5, dtype=torch.float64).repeat(3, 1)
    assert log_det_divergence(h, ridge=0.0).item() == pytest.approx(0, abs=1e-12)


def test_the_divergence_grows_as_a_dimension_is_lost():
    h, values = rows(200, 6), []
    for share in (1.0, 0.5, 0.1, 0.01, 0.0):
        lost = h.clone()
        lost[:, 0] *= share
        values.append(log_det_divergence(unit_rows(lost)).item())
    assert values == sorted(values)
    assert 0 < values[0] < 0.1
    assert values[-1] > 1


def test_fewer_rows_than_dimensions_have_a_finite_value_and_gradient():
    h = unit_rows(rows(3, 8)).float().requires_grad_()
    log_det_divergence(h).backward()
    assert h.grad.isfinite().all()


def test_gradients():
    x, y = rows(7, 4).requires_grad_(), rows(9, 4, 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda h: log_det_divergence(h, 0.1), x)
    assert torch.autograd.gradcheck(lambda a, b: mean_log_sum_exp_dots(a, b, 1.7), (x, y))
    assert torch.autograd.gradcheck(lambda a: mean_log_sum_exp_dots(a, a, 1.7), x)
    assert torch.autograd.gradcheck(lambda a: gaussian_potential(a, 1.3), x)


def test_log_sum_exp_is_that_of_torch():
    x, y = 300 * rows(7, 4), rows(9, 4, 1)
    expected = torch.logsumexp(2.0 * x @ y.T, dim=1).mean()
    torch.testing.assert_close(mean_log_sum_exp_dots(x, y, 2.0), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("factor", [0.5, 30.0, 300.0])
def test_unit_rows_need_no_maximum(factor):
    x, y = unit_rows(rows(7, 4)), unit_rows(rows(9, 4, 1))
    expected = torch.logsumexp(factor * x @ y.T, dim=1).mean()
    torch.testing.assert_close(mean_log_sum_exp_dots(x, y, factor, unit=True), expected)
    single = mean_log_sum_exp_dots(x.float(), y.float(), factor, unit=True)
    torch.testing.assert_close(single.double(), expected, rtol=1e-5, atol=1e-5)
    leaves = x.requires_grad_(), y.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, b: mean_log_sum_exp_dots(a, b, factor, unit=True), leaves
    )


@pytest.mark.parametrize("unit", [False, True])
def test_blocks_of_rows_change_nothing(unit, monkeypatch):
    x, y = unit_rows(rows(70, 4)).requires_grad_(), unit_rows(rows(9, 4, 1)).requires_grad_()
    expected = torch.logsumexp(3.0 * x @ y.T, dim=1).mean()
    grads = torch.autograd.grad(expected, (x, y))
    monkeypatch.setattr(functions, "BLOCK_ENTRIES", 9 * 32)
    found = mean_log_sum_exp_dots(x, y, 3.0, unit=unit)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    for each, same in zip(torch.autograd.grad(found, (x, y)), grads, strict=True):
        torch.testing.assert_close(each, same, rtol=1e-12, atol=1e-16)


def test_uniformity_does_not_depend_on_how_pairs_are_met():
    x = unit_rows(rows(50, 4))
    torch.testing.assert_close(uniformity(x), uniformity(x, block_rows=16), rtol=1e-12, atol=0)
