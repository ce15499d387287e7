"""Balance of the distinct rows of a batch, against loops over them."""

from __future__ import annotations

import math
import warnings

import pytest
import torch

from fullrank.spectrum import AttentionTau, DirectSpec, DirectSpecPlus
from fullrank.spectrum.repeats import by_comparing, by_sorting, occurrence_weights

IDX = torch.tensor([3, 7, 3, 1, 7, 3, 0, 2])
"""Eight occurrences of five rows."""
ALPHA, TAU, TAU_NEAR = 0.3, 4.0, 2.5


@pytest.fixture
def table(generator):
    return torch.randn(8, 4, generator=generator, dtype=torch.float64)


@pytest.fixture
def near(generator):
    """Of pairs of rows of the table; a row is near to itself."""
    drawn = torch.rand(8, 8, generator=generator) < 0.3
    return drawn | drawn.T | torch.eye(8, dtype=torch.bool)


def of_rows(near, idx):
    return near[idx][:, idx]


def by_loops(kind, table, idx, near, shrink=0.0):
    """Each occurrence against each distinct row of the batch once, as sums over sets read."""
    h, rows = table / table.norm(dim=1, keepdim=True), sorted(set(idx.tolist()))
    made = []
    for u in idx.tolist():
        pull, total = torch.zeros(table.shape[1], dtype=table.dtype), 0.0
        for v in rows:
            if kind == "directspec":
                pull = pull + (h[u] @ h[v]) * h[v]
                continue
            tau = TAU_NEAR if kind == "graph" and near[u, v] else TAU
            weight = torch.exp(tau * (h[u] @ h[v]))
            pull, total = pull + weight * h[v], total + weight
        z = h[u] - ALPHA * (pull if kind == "directspec" else pull / total)
        made.append(shrink * z.norm() * z if shrink else z)
    return torch.stack(made)


def balanced(kind, table, idx, near, shrink=0.0):
    if kind == "directspec":
        return DirectSpec(ALPHA, shrink, distinct=True)(table[idx], idx)
    tau_near, block = (TAU_NEAR, of_rows(near, idx)) if kind == "graph" else (None, None)
    balancer = DirectSpecPlus(ALPHA, TAU, tau_near, shrink, distinct=True)
    return balancer(table[idx], block, idx)


def by_occurrence(kind, x, near, shrink):
    if kind == "directspec":
        return DirectSpec(ALPHA, shrink)(x)
    tau_near, block = (TAU_NEAR, near) if kind == "graph" else (None, None)
    return DirectSpecPlus(ALPHA, TAU, tau_near, shrink)(x, block)


KINDS = pytest.mark.parametrize("kind", ["directspec", "constant", "graph"])
pytestmark = pytest.mark.filterwarnings("ignore:DirectSpec")


@KINDS
@pytest.mark.parametrize("shrink", [0.0, 0.3])
def test_sums_are_over_the_distinct_rows(kind, shrink, table, near):
    expected = by_loops(kind, table, IDX, near, shrink)
    torch.testing.assert_close(balanced(kind, table, IDX, near, shrink), expected)
    each = by_occurrence(kind, table[IDX], of_rows(near, IDX), shrink)
    assert (each - expected).abs().max() > 0.01  # the copies count there


@KINDS
def test_gradients_of_a_row_are_those_of_the_loops(kind, table, near, generator):
    toward = torch.randn(8, 4, generator=generator, dtype=torch.float64)
    ours, theirs = (table.clone().requires_grad_() for _ in range(2))
    balanced(kind, ours, IDX, near).backward(toward)
    by_loops(kind, theirs, IDX, near).backward(toward)
    torch.testing.assert_close(ours.grad, theirs.grad)
    leaf = table.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: balanced(kind, x, IDX, near, 0.3), (leaf,))
    if kind != "graph":
        assert torch.autograd.gradgradcheck(lambda x: balanced(kind, x, IDX, near), (leaf,))


def test_learned_tau_has_the_gradient_of_the_distinct_rows(table, generator):
    tau = AttentionTau(4, 3.0, generator=generator).double()
    balancer, once = (DirectSpecPlus(ALPHA, tau, distinct=each) for each in (True, False))
    rows, slot = IDX.unique(return_inverse=True)
    found = torch.autograd.grad(balancer(table[IDX], idx=IDX).square().sum(), tau.weight)
    expected = torch.autograd.grad(once(table[rows])[slot].square().sum(), tau.weight)
    torch.testing.assert_close(found, expected)


@KINDS
def test_invariances(kind, table, near, generator):
    z = balanced(kind, table, IDX, near)
    order = torch.randperm(len(IDX), generator=generator)
    torch.testing.assert_close(balanced(kind, table, IDX[order], near), z[order])
    more = torch.cat((IDX, IDX[2:5]))  # further copies move nothing
    torch.testing.assert_close(balanced(kind, table, more, near), z[[*range(8), 2, 3, 4]])
    turn = torch.linalg.qr(torch.randn(4, 4, generator=generator, dtype=torch.float64)).Q
    torch.testing.assert_close(balanced(kind, table @ turn, IDX, near), z @ turn)


def test_rows_without_repeats_are_balanced_as_ever(table):
    idx = torch.randperm(8)
    torch.testing.assert_close(
        DirectSpec(0.1, distinct=True)(table, idx), DirectSpec(0.1)(table), rtol=0, atol=1e-15
    )
    plus = DirectSpecPlus(0.9, 3.0, distinct=True)(table, None, idx)
    torch.testing.assert_close(plus, DirectSpecPlus(0.9, 3.0)(table), rtol=0, atol=1e-15)


def test_each_side_has_its_own_repeats(table, near):
    idx = torch.stack((IDX, IDX.flip(0).roll(3) % 4))
    both = DirectSpecPlus(ALPHA, TAU, distinct=True)(table[idx], idx=idx)
    for side in (0, 1):
        torch.testing.assert_close(both[side], by_loops("constant", table, idx[side], near))


@pytest.mark.parametrize("way", [occurrence_weights, by_comparing, by_sorting])
def test_weights_are_one_over_the_occurrences(way):
    found = way(torch.stack((IDX, torch.arange(8))), torch.float64)
    counts = [IDX.tolist().count(row) for row in IDX.tolist()]
    assert found[0].tolist() == [1 / count for count in counts]
    assert (found[1] == 1).all()
    assert way(torch.zeros(0, dtype=torch.int64), torch.float32).shape == (0,)


def test_the_safe_alpha_is_that_of_the_distinct_rows():
    rows = torch.eye(4).repeat(4, 1)
    idx = torch.arange(4).repeat(4)
    with pytest.warns(RuntimeWarning, match=r"largest safe alpha here is 0\.25$"):
        DirectSpec(0.5)(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DirectSpec(0.5, distinct=True)(rows, idx)
        DirectSpec(0.5, distinct=True).watch(rows, idx)
    with pytest.warns(RuntimeWarning, match=r"largest safe alpha here is 1$"):
        DirectSpec(1.5, distinct=True)(rows, idx)


@pytest.mark.parametrize(
    "made",
    [
        lambda once: DirectSpec(0.1, distinct=once),
        lambda once: DirectSpecPlus(1, 3.0, distinct=once),
    ],
)
def test_row_numbers_and_distinct_go_together(made, table):
    with pytest.raises(ValueError, match=r"found no row numbers \(idx\) with distinct = True"):
        made(True)(table)
    with pytest.raises(ValueError, match=r"found row numbers \(idx\) with distinct = False"):
        made(False)(table, idx=IDX)
    with pytest.raises(
        ValueError, match=r"found idx of shape \(7,\); expected \(8,\), as the rows"
    ):
        made(True)(table, idx=IDX[:7])
    assert "distinct=True" in repr(made(True))


def test_one_row_many_times_is_one_row():
    x = torch.full((5, 3), 2.0, dtype=torch.float64)
    z = DirectSpecPlus(0.4, 3.0, distinct=True)(x, idx=torch.zeros(5, dtype=torch.int64))
    torch.testing.assert_close(z, torch.full_like(x, 0.6 / math.sqrt(3)))


@pytest.mark.slow
def test_it_compiles_in_one_graph(table):
    for balancer, more in (
        (DirectSpec(0.05, distinct=True), (IDX,)),
        (DirectSpecPlus(ALPHA, TAU, distinct=True), (None, IDX)),
    ):
        compiled = torch.compile(balancer, backend="aot_eager", fullgraph=True)
        torch.testing.assert_close(compiled(table[IDX], *more), balancer(table[IDX], *more))
