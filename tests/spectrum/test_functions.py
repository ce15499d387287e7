from __future__ import annotations

import naive
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fullrank.spectrum import AttentionTau, DirectSpec, DirectSpecPlus, unit_rows
from fullrank.spectrum.functions import direct_spec, direct_spec_plus

DOUBLE = {"dtype": torch.float64}


def rows(n: int, d: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(n, d, generator=generator, **DOUBLE)


def gammas(n: int, generator: torch.Generator) -> torch.Tensor:
    return 2 + torch.rand(n, n, generator=generator, **DOUBLE)


def test_direct_spec_is_its_formula(generator):
    h = unit_rows(rows(9, 4, generator))
    torch.testing.assert_close(direct_spec(h, 0.1), naive.direct_spec(h, 0.1), rtol=0, atol=1e-14)


def test_direct_spec_plus_is_its_formula(generator):
    h, gamma = unit_rows(rows(9, 4, generator)), gammas(9, generator)
    expected = naive.direct_spec_plus(h, gamma, 0.8)
    torch.testing.assert_close(direct_spec_plus(h, gamma, 0.8), expected, rtol=0, atol=1e-14)
    constant = naive.direct_spec_plus(h, torch.full((9, 9), 3.0, **DOUBLE), 0.8)
    torch.testing.assert_close(direct_spec_plus(h, 3.0, 0.8), constant, rtol=0, atol=1e-14)


def test_gradients(generator):
    h = rows(6, 4, generator).requires_grad_()
    gamma = gammas(6, generator).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: direct_spec(x, 0.1), (h,))
    assert torch.autograd.gradcheck(lambda x, g: direct_spec_plus(x, g, 0.8), (h, gamma))
    both = torch.randn(2, 5, 3, generator=generator, **DOUBLE, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: direct_spec(x, 0.1), (both,))
    assert torch.autograd.gradcheck(lambda x: direct_spec_plus(x, 3.0, 0.8), (both,))


def test_gradients_are_those_of_plain_autograd(generator):
    h = rows(7, 3, generator)
    gamma, toward = gammas(7, generator), rows(7, 3, generator)
    for ours, theirs in (
        (lambda x: direct_spec(x, 0.2), lambda x: naive.direct_spec(x, 0.2)),
        (
            lambda x: direct_spec_plus(x, gamma, 0.9),
            lambda x: naive.direct_spec_plus(x, gamma, 0.9),
        ),
    ):
        grads = []
        for function in (ours, theirs):
            leaf = h.clone().requires_grad_()
            (function(leaf) * toward).sum().backward()
            grads.append(leaf.grad)
        torch.testing.assert_close(*grads, rtol=0, atol=1e-13)


@pytest.mark.parametrize("shrink", [0.0, 0.03])
def test_modules_have_the_right_gradient_down_to_the_raw_rows(shrink, generator):
    x = rows(6, 4, generator).requires_grad_()
    near = torch.rand(6, 6, generator=generator) < 0.4
    plus = DirectSpecPlus(0.7, 4.0, 3.5, shrink)
    assert torch.autograd.gradcheck(DirectSpec(0.1, shrink), (x,))
    assert torch.autograd.gradcheck(DirectSpecPlus(0.9, 3.0, shrink=shrink), (x,))
    assert torch.autograd.gradcheck(lambda rows: plus(rows, near), (x,))


def test_attention_learns_both_its_rows_and_its_weight(generator):
    tau = AttentionTau(4, 3.0, sides=2, generator=generator).double()
    balancer = DirectSpecPlus(0.9, tau)
    x = torch.randn(2, 5, 4, generator=generator, **DOUBLE, requires_grad=True)

    def of(rows: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(balancer, {"tau.weight": weight}, (rows,))

    assert torch.autograd.gradcheck(of, (x, tau.weight))
    gamma = tau(unit_rows(x))
    h, weight = unit_rows(x), tau.weight
    for side in range(2):
        for u in range(5):
            for v in range(5):
                inner = weight[side, 0] @ h[side, u] + weight[side, 1] @ h[side, v]
                assert gamma[side, u, v].item() == pytest.approx(3 * inner.sigmoid().item())
    balancer(x).square().sum().backward()
    assert tau.weight.grad.abs().min() > 0


@pytest.mark.parametrize("balancer", [DirectSpec(0.1, 0.03), DirectSpecPlus(0.9, 3.0)], ids=repr)
def test_invariances(balancer, generator):
    x = rows(10, 4, generator)
    z = balancer(x)
    order = torch.randperm(10, generator=generator)
    torch.testing.assert_close(balancer(x[order]), z[order])
    rotation = torch.linalg.qr(rows(4, 4, generator)).Q
    torch.testing.assert_close(balancer(x @ rotation), z @ rotation)
    scale = 0.1 + torch.rand(10, 1, generator=generator, **DOUBLE)
    torch.testing.assert_close(balancer(x * scale), z)
    torch.testing.assert_close(balancer(torch.stack((x, x[order])))[1], z[order])


@pytest.mark.parametrize("balancer", [DirectSpec(0.05), DirectSpecPlus(0.9, 3.0)], ids=repr)
def test_odd_input(balancer, generator):
    x = rows(8, 4, generator).float()
    x[3] = 0
    x[5] = x[1]
    leaf = x.clone().requires_grad_()
    z = balancer(leaf)
    z.square().sum().backward()
    assert z.isfinite().all()
    assert leaf.grad.isfinite().all()
    torch.testing.assert_close(z[5], z[1])
    strided = torch.stack((x, x), dim=2)[:, :, 0].T.contiguous().T
    assert not strided.is_contiguous()
    torch.testing.assert_close(balancer(strided), z.detach())
    narrow = x.bfloat16().requires_grad_()
    out = balancer(narrow)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), balancer(x.bfloat16().float()), rtol=1e-2, atol=1e-2)
    out.float().sum().backward()
    assert narrow.grad.dtype == torch.bfloat16
    one = balancer(x[:1])
    assert one.shape == (1, 4)
    torch.testing.assert_close(one / one.norm(), unit_rows(x[:1]))
    assert balancer(torch.zeros(3, 4)).isfinite().all()


def test_a_zero_row_stays_zero_under_direct_spec(generator):
    x = rows(5, 3, generator)
    x[2] = 0
    assert (DirectSpec(0.1)(x)[2] == 0).all()


def test_near_pairs_and_tau_near_go_together(generator):
    x = rows(4, 3, generator)
    with pytest.raises(ValueError, match="no near pairs"):
        DirectSpecPlus(1.0, 4.0, 3.5)(x)
    with pytest.raises(ValueError, match="near pairs"):
        DirectSpecPlus(1.0, 4.0)(x, torch.eye(4, dtype=torch.bool))


def test_direct_spec_warns_once_naming_alpha_and_the_largest_safe_one(generator, recwarn):
    x = rows(64, 4, generator)
    sigma = torch.linalg.svdvals(unit_rows(x))[0].item()
    balancer = DirectSpec(1.5 / sigma**2)
    for _ in range(8):
        balancer(x)
    assert len(recwarn) == 1
    message = str(recwarn[0].message)
    assert f"alpha = {1.5 / sigma**2:g}" in message
    assert f"{1 / sigma**2:.3g}" in message
    safe = DirectSpec(0.99 / sigma**2)
    safe(x)
    assert len(recwarn) == 1


def test_direct_spec_makes_no_matrix_of_pairs(generator):
    shapes = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            shapes.extend(
                each.shape
                for each in (out if isinstance(out, tuple) else (out,))
                if isinstance(each, torch.Tensor)
            )
            return out

    x = torch.randn(300, 5, generator=generator, requires_grad=True)
    with Watch():
        DirectSpec(0.001)(x).sum().backward()
    assert shapes
    assert max(shape.numel() for shape in shapes) <= 300 * 5
