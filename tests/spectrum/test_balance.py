from __future__ import annotations

import copy
import re
import warnings

import naive
import pytest
import torch
from torch import Tensor

from fullrank.spectrum import AttentionTau, DirectSpec, DirectSpecPlus, unit_rows
from fullrank.spectrum.rows import at_least_float32

BALANCERS = [DirectSpec(0.05), DirectSpec(0.05, 0.03), DirectSpecPlus(0.9, 3.0)]
EACH = pytest.mark.parametrize("balancer", BALANCERS, ids=repr, indirect=True)


@pytest.fixture
def balancer(request):
    """A fresh one for each test: DirectSpec counts its calls."""
    return copy.deepcopy(request.param)


def randn(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def rotation(d: int, generator: torch.Generator) -> Tensor:
    return torch.linalg.qr(randn(d, d, generator=generator)).Q


@pytest.mark.parametrize("shrink", [0.0, 0.03])
def test_modules_are_their_formulas(shrink, generator):
    x = randn(9, 4, generator=generator)
    near = torch.rand(9, 9, generator=generator) < 0.4
    far = torch.full((9, 9), 4.3, dtype=torch.float64)
    h = naive.unit(x)
    for found, expected in (
        (DirectSpec(0.1, shrink)(x), naive.direct_spec(h, 0.1)),
        (DirectSpecPlus(0.9, 4.3, shrink=shrink)(x), naive.direct_spec_plus(h, far, 0.9)),
        (
            DirectSpecPlus(0.9, 4.3, 3.1, shrink)(x, near),
            naive.direct_spec_plus(h, far.masked_fill(near, 3.1), 0.9),
        ),
    ):
        rows = [shrink * row.norm() * row for row in expected] if shrink else list(expected)
        torch.testing.assert_close(found, torch.stack(rows), rtol=0, atol=1e-14)


@pytest.mark.parametrize("shrink", [0.0, 0.03])
def test_gradients_go_down_to_the_raw_rows(shrink, generator):
    x = randn(6, 4, generator=generator).requires_grad_()
    both = randn(2, 4, 3, generator=generator).requires_grad_()
    near = torch.rand(6, 6, generator=generator) < 0.4
    plus = DirectSpecPlus(0.7, 4.0, 3.5, shrink)
    for leaf in (x, both):
        assert torch.autograd.gradcheck(DirectSpec(0.1, shrink), (leaf,))
        assert torch.autograd.gradcheck(DirectSpecPlus(0.9, 3.0, shrink=shrink), (leaf,))
    assert torch.autograd.gradcheck(lambda rows: plus(rows, near), (x,))


def test_gradients_are_those_of_plain_autograd(generator):
    x, toward = (randn(7, 3, generator=generator) for _ in range(2))
    gamma = torch.full((7, 7), 3.0, dtype=torch.float64)
    for balancer, plain in (
        (DirectSpec(0.1), lambda h: naive.direct_spec(h, 0.1)),
        (DirectSpecPlus(0.9, 3.0), lambda h: naive.direct_spec_plus(h, gamma, 0.9)),
    ):
        ours, theirs = (x.clone().requires_grad_() for _ in range(2))
        balancer(ours).backward(toward)
        plain(theirs / theirs.norm(dim=1, keepdim=True)).backward(toward)
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-13)


@EACH
def test_invariances(balancer, generator):
    x = randn(10, 4, generator=generator)
    z = balancer(x)
    order = torch.randperm(10, generator=generator)
    torch.testing.assert_close(balancer(x[order]), z[order])
    turn = rotation(4, generator)
    torch.testing.assert_close(balancer(x @ turn), z @ turn)
    scale = 0.1 + torch.rand(10, 1, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(balancer(x * scale), z)
    torch.testing.assert_close(balancer(torch.stack((x, x[order])))[1], z[order])


def test_near_pairs_move_with_the_rows(generator):
    x = randn(10, 4, generator=generator)
    near = torch.rand(10, 10, generator=generator) < 0.4
    balancer = DirectSpecPlus(0.9, 4.0, 3.0)
    order, turn = torch.randperm(10, generator=generator), rotation(4, generator)
    z = balancer(x, near)
    torch.testing.assert_close(balancer(x[order] @ turn, near[order][:, order]), z[order] @ turn)


def test_graph_design_with_one_tau_is_the_constant_design(generator):
    x = randn(12, 4, generator=generator)
    near = torch.rand(12, 12, generator=generator) < 0.5
    constant = DirectSpecPlus(0.9, 0.3)(x)  # 0.3 has no exact binary form: float32 would show
    torch.testing.assert_close(DirectSpecPlus(0.9, 0.3, 0.3)(x, near), constant, rtol=0, atol=1e-15)


@EACH
def test_zero_rows_and_repeated_rows(balancer, generator):
    x = randn(8, 4, generator=generator).float()
    x[3] = 0
    x[5] = x[1]
    leaf = x.clone().requires_grad_()
    z = balancer(leaf)
    z.square().sum().backward()
    assert z.isfinite().all()
    assert leaf.grad.isfinite().all()
    torch.testing.assert_close(z[5], z[1])
    torch.testing.assert_close(leaf.grad[5], leaf.grad[1])
    if isinstance(balancer, DirectSpec):
        assert (z[3] == 0).all()
    nothing = torch.zeros(3, 4, requires_grad=True)
    balancer(nothing).square().sum().backward()
    assert (balancer(nothing) == 0).all()
    assert nothing.grad.isfinite().all()


@EACH
def test_one_row_keeps_its_direction(balancer, generator):
    x = randn(1, 4, generator=generator)
    z = balancer(x)
    kept = 1 - balancer.alpha  # one row is its own only neighbour
    kept = balancer.shrink * kept**2 if balancer.shrink else kept
    torch.testing.assert_close(z, kept * naive.unit(x))


@EACH
def test_no_rows(balancer):
    assert balancer(torch.zeros(0, 4)).shape == (0, 4)


@EACH
def test_strided_rows(balancer, generator):
    x = randn(8, 4, generator=generator)
    z = balancer(x)
    wide = torch.stack((x, -x), dim=2)[:, :, 0]
    for same in (wide, x.T.contiguous().T):
        assert not same.is_contiguous()
        leaf = same.detach().requires_grad_()
        out = balancer(leaf)
        torch.testing.assert_close(out, z)
        (grad,) = torch.autograd.grad(out.square().sum(), leaf)
        plain = x.clone().requires_grad_()
        torch.testing.assert_close(
            grad, torch.autograd.grad(balancer(plain).square().sum(), plain)[0]
        )


@EACH
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_rows_are_balanced_in_float32(balancer, dtype, generator):
    x = randn(32, 8, generator=generator).to(dtype).requires_grad_()
    z = balancer(x)
    assert z.dtype == dtype
    wide = x.detach().float().requires_grad_()
    expected = balancer(wide)
    assert torch.equal(z, expected.to(dtype))
    z.float().sum().backward()
    expected.sum().backward()
    assert x.grad.dtype == dtype
    torch.testing.assert_close(x.grad.float(), wide.grad, rtol=1e-2, atol=1e-2)


def test_unit_rows(generator):
    x = randn(2, 5, 3, generator=generator)
    x[1, 2] = 0
    h = unit_rows(x)
    torch.testing.assert_close(h[0], naive.unit(x[0]))
    torch.testing.assert_close(h[1], naive.unit(x[1]))
    assert torch.autograd.gradcheck(unit_rows, (x[:1].clone().requires_grad_(),))
    for dtype in (torch.float32, torch.float64):
        assert at_least_float32(x.to(dtype)).dtype == dtype
    assert at_least_float32(x.half()).dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_unit_rows_of_narrow_types(dtype, generator):
    x = (6e4 * randn(5, 3, generator=generator).sign()).to(dtype)  # longer than float16 holds
    h = unit_rows(x)
    assert h.dtype == dtype
    torch.testing.assert_close(h.double(), naive.unit(x.double()), rtol=0, atol=4e-3)


def test_near_pairs_and_tau_near_go_together(generator):
    x = randn(4, 3, generator=generator)
    with pytest.raises(ValueError, match=r"no near pairs with tau_near = 3\.5"):
        DirectSpecPlus(1.0, 4.0, 3.5)(x)
    with pytest.raises(ValueError, match="found near pairs with tau_near = None"):
        DirectSpecPlus(1.0, 4.0)(x, torch.eye(4, dtype=torch.bool))


def test_direct_spec_warns_once_naming_alpha_and_the_largest_safe_one(generator):
    x = randn(64, 4, generator=generator)
    safe = torch.linalg.svdvals(unit_rows(x))[0].item() ** -2
    balancer = DirectSpec(1.5 * safe)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(8):
            balancer(x)
        DirectSpec(0.999 * safe)(x)
        DirectSpec(1.5 * safe)(x[:0])
    assert len(caught) == 1
    assert caught[0].category is RuntimeWarning
    message = str(caught[0].message)
    assert message.startswith(f"DirectSpec: alpha = {1.5 * safe:g} ")
    named = float(re.search(r"largest safe alpha here is (\S+)$", message)[1])
    assert named == pytest.approx(safe, rel=5e-3)  # three digits are shown


def test_the_worse_side_counts_and_later_batches_are_looked_at(generator):
    even = torch.eye(4).repeat(4, 1)
    same = torch.ones(16, 4)
    with pytest.warns(RuntimeWarning, match=r"largest safe alpha here is 0\.0625$"):
        DirectSpec(0.2)(torch.stack((even, same)))
    balancer = DirectSpec(0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            balancer(even)
    with pytest.warns(RuntimeWarning):
        balancer(same)


@EACH
def test_rows_that_are_not_finite_stay_visible(balancer, generator):
    x = randn(6, 3, generator=generator)
    x[2, 1] = torch.nan
    assert balancer(x).isnan().any()


def test_repr_shows_the_settings():
    assert repr(DirectSpec(0.5, 0.03)) == "DirectSpec(alpha=0.5, shrink=0.03)"
    assert "alpha=0.7, tau=4.0, tau_near=3.5, shrink=0.02" in repr(
        DirectSpecPlus(0.7, 4.0, 3.5, 0.02)
    )
    assert "AttentionTau" in repr(DirectSpecPlus(0.7, AttentionTau(4)))


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (DirectSpec, {"alpha": -0.1}, "found alpha = -0.1; expected a number of 0 or more"),
        (DirectSpec, {"alpha": 0.1, "shrink": float("nan")}, "found shrink = nan"),
        (DirectSpecPlus, {"alpha": float("inf"), "tau": 3.0}, "found alpha = inf"),
        (DirectSpecPlus, {"alpha": 0.5, "tau": -3.0}, "found tau = -3.0"),
        (DirectSpecPlus, {"alpha": 0.5, "tau": 3.0, "tau_near": 3.5}, "expected at most tau, 3.0"),
        (DirectSpecPlus, {"alpha": 0.5, "tau": 3.0, "precision": "float16"}, "or bfloat16"),
    ],
)
def test_numbers_that_cannot_be_are_refused(kind, values, words):
    with pytest.raises(ValueError, match=words):
        kind(**values)


@pytest.mark.parametrize("balancer", [DirectSpec(0.1, 0.5), DirectSpecPlus(0.5, 3.0)])
def test_after_eval_rows_are_returned_as_they_came(balancer):
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert balancer.eval()(x) is x
    assert not torch.equal(balancer.train()(x), x)
