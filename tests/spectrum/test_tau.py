from __future__ import annotations

import math

import pytest
import torch

from fullrank.spectrum import AttentionTau, DirectSpecPlus, unit_rows
from fullrank.spectrum.tau import graph_tau


def test_graph_tau():
    near = torch.tensor([[True, False], [False, True]])
    gamma = graph_tau(near, 0.1, 4.0, torch.float64)
    assert gamma.tolist() == [[0.1, 4.0], [4.0, 0.1]]
    assert near.tolist() == [[True, False], [False, True]]
    assert graph_tau(near, 0.1, 4.0).dtype == torch.float32


@pytest.mark.parametrize("sides", [None, 2])
def test_attention_is_its_formula(sides, generator):
    tau = AttentionTau(4, 3.0, sides=sides, generator=generator).double()
    h = unit_rows(torch.randn(2, 5, 4, generator=generator, dtype=torch.float64))
    gamma = tau(h)
    assert gamma.shape == (2, 5, 5)
    assert gamma.min() > 0
    assert gamma.max() < 3
    for side in range(2):
        weight = (tau.weight if sides is None else tau.weight[side]).detach().flatten()
        for u in range(5):
            for v in range(5):
                inner = float(weight @ torch.cat((h[side, u], h[side, v])))
                expected = 3 / (1 + math.exp(-inner))
                assert gamma[side, u, v].item() == pytest.approx(expected, rel=1e-12)


def test_attention_of_one_table_and_its_invariances(generator):
    tau = AttentionTau(4, generator=generator).double()
    h = unit_rows(torch.randn(6, 4, generator=generator, dtype=torch.float64))
    gamma = tau(h)
    assert gamma.shape == (6, 6)
    order = torch.randperm(6, generator=generator)
    torch.testing.assert_close(tau(h[order]), gamma[order][:, order])
    odds = torch.logit(gamma)  # an outer sum: every 2 x 2 minor of differences is zero
    torch.testing.assert_close(
        odds[1:, 1:] - odds[1:, :1] - odds[:1, 1:], -odds[:1, :1].expand(5, 5)
    )


def test_attention_starts_from_the_generator_alone():
    first, again, other = (
        AttentionTau(4, generator=torch.Generator().manual_seed(seed)).weight for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.abs().max() <= math.sqrt(6 / 9)


@pytest.mark.parametrize("sides", [None, 2])
def test_attention_learns(sides, generator):
    tau = AttentionTau(4, 3.0, sides=sides, generator=generator).double()
    balancer = DirectSpecPlus(0.9, tau)
    assert dict(balancer.named_parameters()).keys() == {"tau.weight"}
    x = torch.randn(2, 5, 4, generator=generator, dtype=torch.float64, requires_grad=True)

    def balanced(rows, weight):
        return torch.func.functional_call(balancer, {"tau.weight": weight}, (rows,))

    assert torch.autograd.gradcheck(balanced, (x, tau.weight))
    loss = balancer(x).square().sum()
    (grad,) = torch.autograd.grad(loss, tau.weight)
    assert grad.abs().min() > 0
    with torch.no_grad():
        tau.weight -= 0.1 * grad
    assert balancer(x).square().sum() < loss
