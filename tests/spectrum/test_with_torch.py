"""The balancers in other people's training loops: autocast, compile, checkpointing, DDP."""

from __future__ import annotations

import copy
import os
import socket

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from two_processes import Model, batches, train_one

from fullrank.objectives import direct_au, info_nce, log_det, log_positive
from fullrank.spectrum import (
    AdaptiveDirectSpecPlus,
    AttentionTau,
    DirectSpec,
    DirectSpecPlus,
    balance_spectrum,
    uniformity,
)

NARROW = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
BALANCERS = {
    "directspec": DirectSpec(0.05, 0.03),
    "directspec+": DirectSpecPlus(0.9, 3.0, shrink=0.03),
    "adaptive": AdaptiveDirectSpecPlus(8, 3.0, shrink=0.03, alpha=0.9),
    "attention": DirectSpecPlus(0.9, AttentionTau(8, 3.0, generator=torch.Generator())),
}


@pytest.fixture(params=BALANCERS)
def balancer(request) -> nn.Module:
    return copy.deepcopy(BALANCERS[request.param])


def close(balancer: nn.Module, found: Tensor, expected: Tensor) -> None:
    """Compares gradients whose backward pass ran under autocast.

    Autocast does reach that of the attention's own product, which is torch's.
    """
    near = 1e-2 if isinstance(getattr(balancer, "tau", None), AttentionTau) else 1e-5
    torch.testing.assert_close(found, expected, rtol=0, atol=near * expected.abs().max().item())


def rows(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*(shape or (32, 8)), generator=generator, requires_grad=True)


@NARROW
def test_autocast_leaves_the_balance_as_it_is(balancer, dtype, generator):
    x = rows(generator)
    expected = balancer(x)
    (wanted,) = torch.autograd.grad(expected.pow(3).sum(), x)
    with torch.autocast("cpu", dtype=dtype):
        z = balancer(x)
    assert torch.equal(z, expected)
    (grad,) = torch.autograd.grad(z.pow(3).sum(), x)
    assert torch.equal(grad, wanted)


@NARROW
def test_backward_may_be_called_under_autocast(balancer, dtype, generator):
    x = rows(generator)
    (wanted,) = torch.autograd.grad(balancer(x).pow(3).sum(), x)
    with torch.autocast("cpu", dtype=dtype):
        (grad,) = torch.autograd.grad(balancer(x).pow(3).sum(), x)
        (again,) = torch.autograd.grad(balancer(x).pow(3).sum(), x, create_graph=True)
    close(balancer, grad, wanted)
    close(balancer, again, wanted)


@NARROW
def test_rows_of_a_layer_under_autocast(balancer, dtype, generator):
    """What a layer gives under autocast is narrow; it is balanced in float32, and comes back so."""
    x, weight = rows(generator), rows(generator, 8, 8)
    with torch.autocast("cpu", dtype=dtype):
        narrow = nn.functional.linear(x, weight)
        z = balancer(narrow)
        loss = log_positive(z, z.flip(0))
    assert narrow.dtype == z.dtype == dtype
    assert torch.equal(z, balancer(narrow.detach()))
    loss.backward()
    assert weight.grad.dtype == torch.float32
    assert weight.grad.isfinite().all()
    assert weight.grad.abs().max() > 0


@NARROW
@pytest.mark.parametrize(
    "figure",
    [
        lambda u, v: info_nce(u, v, v, 0.2),
        lambda u, v: info_nce(u, v, v, 0.2, cosine=False),
        lambda u, v: direct_au(u, v, 1.0),
        lambda u, v: log_det(u, v, 1.0),
        lambda u, v: uniformity(u, block_rows=16) + uniformity(v, block_rows=16),
        lambda u, v: balance_spectrum(u, 1e-4).pow(3).sum() + v.sum(),
    ],
    ids=["info_nce", "info_nce of dots", "direct_au", "log_det", "uniformity", "balance_spectrum"],
)
def test_losses_of_the_spectrum_under_autocast(figure, dtype, generator):
    u, v = rows(generator), rows(generator)
    expected = figure(u, v)
    wanted = torch.autograd.grad(expected, (u, v))
    with torch.autocast("cpu", dtype=dtype):
        loss = figure(u, v)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(torch.autograd.grad(loss, (u, v)), wanted)
    if figure(u, v).dtype == torch.float32:
        mixed = figure(u.to(dtype), v)  # one side of a narrow layer, the other a table
        assert mixed.isfinite()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_a_compiled_balancer_is_the_balancer(balancer, backend, generator):
    if backend == "inductor" and os.name == "nt":
        pytest.skip("inductor needs a compiler")
    torch._dynamo.reset()
    x = rows(generator)
    expected = balancer(x)
    (wanted,) = torch.autograd.grad(expected.pow(3).sum(), x)
    compiled = torch.compile(balancer, backend=backend, fullgraph=True)
    for _ in range(3):  # the count of calls must not make a new graph each time
        z = compiled(x)
        torch.testing.assert_close(z, expected)
        torch.testing.assert_close(torch.autograd.grad(z.pow(3).sum(), x)[0], wanted)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = compiled(x)
    torch.testing.assert_close(z, expected)
    close(balancer, torch.autograd.grad(z.pow(3).sum(), x)[0], wanted)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("autocast", [False, True])
def test_checkpointed_rows_have_the_same_gradients(balancer, reentrant, autocast, generator):
    x = rows(generator)
    balancer(x).pow(3).sum().backward()
    wanted, x.grad = x.grad, None
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        z = checkpoint(balancer, x, use_reentrant=reentrant)
    z.pow(3).sum().backward()
    assert torch.equal(x.grad, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_alpha_moves_in_a_compiled_module_as_in_one_that_is_not(backend, generator):
    if backend == "inductor" and os.name == "nt":
        pytest.skip("inductor needs a compiler")
    torch._dynamo.reset()
    plain = AdaptiveDirectSpecPlus(8, target=0.9, rate=0.1)
    other = copy.deepcopy(plain)
    compiled = torch.compile(other, backend=backend, fullgraph=True)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for _ in range(4):
            x = rows(generator)
            narrow = 0.3 * x + 1
            torch.testing.assert_close(compiled(narrow), plain(narrow))
            plain.adapt()
            other.adapt()
    assert plain.alpha.item() > 0.1
    torch.testing.assert_close(other.state_dict(), plain.state_dict())


@pytest.mark.slow
@pytest.mark.posix
def test_two_processes_train_as_one_on_the_mean_of_their_losses(tmp_path):
    """DDP averages gradients; each process balances its own batch."""
    if not torch.distributed.is_available():
        pytest.skip("torch without distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(train_one, (port, f"{tmp_path}/"), nprocs=2)
    found = [torch.load(tmp_path / f"{rank}", weights_only=True) for rank in range(2)]
    alone = Model()
    optimizer = torch.optim.SGD(alone.parameters(), lr=1.0)
    drawn = batches(6)
    for one, other in zip(drawn[::2], drawn[1::2], strict=True):
        optimizer.zero_grad()
        before = alone.adaptive.gram.clone()
        loss = alone(*other)
        alone.adaptive.gram.copy_(before)  # the first process finds α by its batches alone
        ((alone(*one) + loss) / 2).backward()
        optimizer.step()
        alone.adaptive.adapt()
    assert abs(alone.adaptive.alpha.item() - 0.5) > 0.01
    trained = dict(alone.named_parameters()) | {"adaptive.alpha": alone.adaptive.alpha}
    for name, expected in trained.items():
        assert not torch.equal(expected, Model().state_dict()[name])
        for each in found:
            torch.testing.assert_close(each[name], expected)
