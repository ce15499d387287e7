from __future__ import annotations

import naive
import pytest
import torch
from torch import Tensor

from fullrank.spectrum import functions, unit_rows
from fullrank.spectrum.functions import (
    direct_spec,
    direct_spec_plus,
    gaussian_potential,
    mean_log_sum_exp_dots,
)


def randn(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def gammas(*shape: int, generator: torch.Generator) -> Tensor:
    return 2 + torch.rand(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("shape", [(9, 4), (4, 9), (1, 3), (6, 1)])
def test_direct_spec_is_its_formula(shape, generator):
    h = unit_rows(randn(*shape, generator=generator))
    torch.testing.assert_close(direct_spec(h, 0.1), naive.direct_spec(h, 0.1), rtol=0, atol=1e-14)


@pytest.mark.parametrize("shape", [(9, 4), (4, 9), (1, 3), (6, 1)])
def test_direct_spec_plus_is_its_formula(shape, generator):
    h = unit_rows(randn(*shape, generator=generator))
    square = (len(h), len(h))
    gamma = gammas(*square, generator=generator)
    expected = naive.direct_spec_plus(h, gamma, 0.8)
    torch.testing.assert_close(direct_spec_plus(h, gamma, 0.8), expected, rtol=0, atol=1e-14)
    constant = naive.direct_spec_plus(h, torch.full(square, 3.0, dtype=torch.float64), 0.8)
    torch.testing.assert_close(direct_spec_plus(h, 3.0, 0.8), constant, rtol=0, atol=1e-14)


def test_rows_far_from_unit_length_do_not_overflow_the_softmax(generator):
    h = 100 * randn(5, 3, generator=generator)
    expected = torch.stack([row - 0.5 * h[(h @ row).argmax()] for row in h])
    torch.testing.assert_close(direct_spec_plus(h, 50.0, 0.5), expected)


@pytest.mark.parametrize("lead", [(), (2,), (2, 2)])
def test_gradients(lead, generator):
    h = randn(*lead, 5, 3, generator=generator).requires_grad_()
    gamma = gammas(*lead, 5, 5, generator=generator).requires_grad_()
    fixed = gamma.detach()
    assert torch.autograd.gradcheck(lambda x: direct_spec(x, 0.1), (h,))
    assert torch.autograd.gradcheck(lambda x: direct_spec_plus(x, 3.0, 0.8), (h,))
    assert torch.autograd.gradcheck(lambda x: direct_spec_plus(x, fixed, 0.8), (h,))
    assert torch.autograd.gradcheck(lambda x, g: direct_spec_plus(x, g, 0.8), (h, gamma))
    assert torch.autograd.gradcheck(lambda g: direct_spec_plus(h.detach(), g, 0.8), (gamma,))


@pytest.mark.parametrize("shape", [(8, 3), (3, 8)])
def test_gradients_are_those_of_plain_autograd(shape, generator):
    h, toward = (randn(*shape, generator=generator) for _ in range(2))
    gamma = gammas(len(h), len(h), generator=generator)
    for name, arguments in (("direct_spec", (0.2,)), ("direct_spec_plus", (gamma, 0.9))):
        grads = []
        for home in (functions, naive):
            leaves = [
                each.clone().requires_grad_() if isinstance(each, Tensor) else each
                for each in (h, *arguments)
            ]
            (getattr(home, name)(*leaves) * toward).sum().backward()
            grads.append([leaf.grad for leaf in leaves if isinstance(leaf, Tensor)])
        torch.testing.assert_close(*grads, rtol=0, atol=1e-13)


def test_sides_in_a_leading_dimension_do_not_mix(generator):
    h = unit_rows(randn(2, 6, 4, generator=generator))
    gamma = gammas(2, 6, 6, generator=generator)
    for filtered in (
        lambda x, _: direct_spec(x, 0.1),
        lambda x, _: direct_spec_plus(x, 3.0, 0.8),
        lambda x, g: direct_spec_plus(x, g, 0.8),
    ):
        apart = torch.stack([filtered(h[side], gamma[side]) for side in range(2)])
        torch.testing.assert_close(filtered(h, gamma), apart, rtol=0, atol=1e-14)


@pytest.mark.parametrize("lead", [(), (2,)])
def test_second_derivatives(lead, generator):
    h = randn(*lead, 4, 3, generator=generator).requires_grad_()
    gamma = gammas(*lead, 4, 4, generator=generator).requires_grad_()
    fixed = gamma.detach()
    for filtered in (
        lambda x: direct_spec(x, 0.1),
        lambda x: direct_spec_plus(x, 3.0, 0.8),
        lambda x: direct_spec_plus(x, fixed, 0.8),
    ):
        assert torch.autograd.gradgradcheck(filtered, (h,))
    assert torch.autograd.gradgradcheck(lambda x, g: direct_spec_plus(x, g, 0.8), (h, gamma))


def test_second_derivatives_of_the_sums_over_pairs(generator):
    rows, others = (randn(n, 3, generator=generator).requires_grad_() for n in (4, 5))
    assert torch.autograd.gradgradcheck(
        lambda a, o: mean_log_sum_exp_dots(a, o, 2.0), (rows, others)
    )
    assert torch.autograd.gradgradcheck(lambda a: mean_log_sum_exp_dots(a, a, 2.0), (rows,))
    assert torch.autograd.gradgradcheck(lambda x: gaussian_potential(x, 2.0), (rows,))


def test_a_second_derivative_by_grad_is_that_of_plain_autograd(generator):
    """``grad`` leaves out, without a word, what the path of a refused derivative would add."""
    start = randn(5, 3, generator=generator)
    gamma = torch.full((5, 5), 3.0, dtype=torch.float64)
    for ours, plain in (
        (lambda h: direct_spec(h, 0.1), lambda h: naive.direct_spec(h, 0.1)),
        (
            lambda h: direct_spec_plus(h, 3.0, 0.8),
            lambda h: naive.direct_spec_plus(h, gamma, 0.8),
        ),
    ):
        second = []
        for filtered in (ours, plain):
            x = start.clone().requires_grad_()
            z = filtered(x / x.norm(dim=1, keepdim=True))
            (grad,) = torch.autograd.grad(z.pow(3).sum(), x, create_graph=True)
            second.append(torch.autograd.grad(grad.square().sum(), x)[0])
        torch.testing.assert_close(*second, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("rounded", [False, True])
def test_a_gradient_with_a_graph_is_the_gradient_without(rounded, generator):
    h = unit_rows(randn(2, 16, 4, generator=generator).float()).requires_grad_()
    gamma = gammas(2, 16, 16, generator=generator).float().requires_grad_()
    z = direct_spec_plus(h, gamma, 0.8, rounded)
    plain = torch.autograd.grad(z.pow(3).sum(), (h, gamma), retain_graph=True)
    graphed = torch.autograd.grad(z.pow(3).sum(), (h, gamma), create_graph=True)
    torch.testing.assert_close(graphed, plain)


def test_inputs_are_left_as_they_were(generator):
    h = randn(5, 3, generator=generator).requires_grad_()
    gamma, toward = gammas(5, 5, generator=generator), randn(5, 3, generator=generator)
    before = [each.detach().clone() for each in (h, gamma, toward)]
    for z in (direct_spec(h, 0.1), direct_spec_plus(h, gamma, 0.8)):
        z.backward(toward)
    for each, old in zip((h, gamma, toward), before, strict=True):
        assert torch.equal(each.detach(), old)


def test_bfloat16_products_stay_within_their_rounding(generator):
    # Eight bits of mantissa: a relative error of up to 2^-8 in each factor and each result.
    h = unit_rows(randn(2, 64, 16, generator=generator)).requires_grad_()
    toward = randn(2, 64, 16, generator=generator)
    exact = direct_spec_plus(h, 3.0, 1.0)
    (expected,) = torch.autograd.grad((exact * toward).sum(), h)
    single = h.detach().float().requires_grad_()
    rounded = direct_spec_plus(single, 3.0, 1.0, rounded=True)
    (found,) = torch.autograd.grad((rounded * toward.float()).sum(), single)
    assert rounded.dtype == found.dtype == torch.float32
    apart = (rounded.double() - exact).norm() / exact.norm()
    assert 1e-5 < apart < 2**-7
    assert (found.double() - expected).norm() / expected.norm() < 2**-7


@pytest.mark.parametrize("factor", [-200.0, -40.0, -3.0, 0.0, 3.0, 40.0, 200.0])
@pytest.mark.parametrize("unit", [False, True])
def test_mean_log_sum_exp_dots_of_any_factor(factor, unit, generator):
    rows, others = (unit_rows(randn(n, 3, generator=generator)) for n in (6, 9))
    leaves = [each.float().requires_grad_() for each in (rows, others)]
    wide = [each.clone().requires_grad_() for each in (rows, others)]
    found = mean_log_sum_exp_dots(*leaves, factor, unit=unit)
    expected = torch.logsumexp(factor * wide[0] @ wide[1].mT, dim=1).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    found.backward()
    expected.backward()
    for leaf, each in zip(leaves, wide, strict=True):
        torch.testing.assert_close(leaf.grad.double(), each.grad, rtol=1e-4, atol=1e-3)
