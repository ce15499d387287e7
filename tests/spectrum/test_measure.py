from __future__ import annotations

import math

import naive
import pytest
import torch
from torch import Tensor

from fullrank.spectrum import (
    Spectrum,
    alignment,
    correlation,
    effective_rank,
    measure,
    singular_values,
    uniformity,
    unit_rows,
)


def within(found: Tensor, table: Tensor) -> bool:
    expected = torch.linalg.svdvals(table.double())
    assert found.dtype == torch.float64
    assert found.shape == expected.shape
    return bool((found - expected).abs().max() <= 1e-6 * expected[0])


def rotation(d: int, generator: torch.Generator) -> Tensor:
    return torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64)).Q


@pytest.mark.parametrize("shape", [(500, 16), (16, 16), (5, 16), (1, 4), (70_000, 3)])
@pytest.mark.parametrize("decades", [0, 4, 12])
def test_singular_values_are_those_of_an_svd(shape, decades, generator):
    x = torch.randn(*shape, generator=generator) * torch.logspace(0, -decades, shape[1])
    assert within(singular_values(x), x)
    lone = x.clone()
    lone[:, 1:] = lone[:, :1]  # rank one: eigenvalues of rounding error must not turn negative
    assert within(singular_values(lone), lone)


def test_tables_are_stacked_and_may_be_strided_or_narrow(generator, monkeypatch):
    monkeypatch.setattr(measure, "BLOCK_ROWS", 7)
    users, items = torch.randn(40, 6, generator=generator), torch.randn(6, 55, generator=generator)
    third = torch.randn(9, 12, generator=generator).double()[:, ::2]
    stacked = torch.cat((users, items.T, third))
    assert within(singular_values(users, items.T, third), stacked)
    assert within(singular_values(users[:2], third[:2]), torch.cat((users[:2], third[:2])))
    assert within(singular_values(users[:0], items.T), items.T)
    for dtype in (torch.bfloat16, torch.float16):
        assert within(singular_values(users.to(dtype)), users.to(dtype))
    assert within(singular_values(items.T.bfloat16()), items.T.bfloat16())


@pytest.mark.parametrize("shape", [(9, 4), (4, 9)])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_table_that_is_not_finite_has_no_spectrum(shape, bad):
    x = torch.ones(shape)
    x[2, 3] = bad
    for figure in (singular_values, effective_rank):
        with pytest.raises(ValueError, match="found NaN or infinity"):
            figure(x)


def test_effective_rank(generator):
    x = torch.randn(50, 8, generator=generator, dtype=torch.float64) * torch.logspace(0, -3, 8)
    expected = naive.effective_rank(x)
    assert effective_rank(x) == pytest.approx(expected, rel=1e-9)
    assert effective_rank(x[:20], x[20:]) == pytest.approx(expected, rel=1e-9)
    assert effective_rank(x.T) == pytest.approx(expected, rel=1e-9)
    for same in (x @ rotation(8, generator), 5e-6 * x, x.flip(0), -x):
        assert effective_rank(same) == pytest.approx(expected, rel=1e-9)


def test_effective_rank_of_known_tables():
    assert effective_rank(torch.eye(8)) == pytest.approx(8, rel=1e-12)
    assert effective_rank(torch.ones(9, 8)) == pytest.approx(1, abs=1e-6)
    assert effective_rank(torch.diag(torch.tensor([1.0, 1, 1, 0]))) == pytest.approx(3, rel=1e-6)
    shares = 2 / 3, 1 / 3  # singular values, not their squares, are the weights
    expected = math.exp(-sum(p * math.log(p) for p in shares))
    assert effective_rank(torch.diag(torch.tensor([2.0, 1]))) == pytest.approx(expected, rel=1e-12)
    assert effective_rank(torch.zeros(9, 8)) == 0
    assert effective_rank(torch.zeros(0, 8)) == 0


def test_correlation(generator):
    x = torch.randn(30, 5, generator=generator, dtype=torch.float64)
    x[4] = 0
    expected = naive.correlation(x)
    assert correlation(x) == pytest.approx(expected, rel=1e-12)
    assert correlation(x[:10], x[10:]) == pytest.approx(expected, rel=1e-12)
    scale = 0.1 + torch.rand(30, 1, generator=generator, dtype=torch.float64)
    for same in (scale * x, x @ rotation(5, generator), x.flip(0)):
        assert correlation(same) == pytest.approx(expected, rel=1e-12)
    assert correlation(torch.eye(5)) == 5
    assert correlation(torch.ones(6, 5)) == pytest.approx(36)


def test_alignment(generator):
    u, v = (unit_rows(torch.randn(12, 5, generator=generator).double()) for _ in range(2))
    assert alignment(u, v).item() == pytest.approx(naive.alignment(u, v), rel=1e-12)
    assert alignment(u, u) == 0
    assert alignment(u, -u).item() == pytest.approx(4, rel=1e-12)
    turn, order = rotation(5, generator), torch.randperm(12, generator=generator)
    torch.testing.assert_close(alignment(u[order] @ turn, v[order] @ turn), alignment(u, v))
    leaves = [each[:4].clone().requires_grad_() for each in (u, v)]
    assert torch.autograd.gradcheck(alignment, leaves)


@pytest.mark.parametrize("block_rows", [1, 5, 22, 23, 100])
@pytest.mark.parametrize("t", [2.0, 0.5])
def test_uniformity(block_rows, t, generator):
    x = unit_rows(torch.randn(23, 4, generator=generator).double())
    found = uniformity(x, t, block_rows)
    assert found.item() == pytest.approx(naive.uniformity(x, t), rel=1e-10)
    small = x[:5].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda rows: uniformity(rows, t, block_rows), (small,))
    moved = x[torch.randperm(23, generator=generator)] @ rotation(4, generator)
    torch.testing.assert_close(uniformity(moved, t, block_rows), found)


def test_uniformity_of_known_rows():
    opposite = torch.tensor([[1.0, 0], [-1, 0]])
    assert uniformity(opposite).item() == pytest.approx(-8)
    assert uniformity(torch.ones(3, 1)).item() == pytest.approx(0)
    for n in (0, 1):
        with pytest.raises(ValueError, match=f"found {n} row"):
            uniformity(opposite[:n])


@pytest.mark.parametrize(
    "where",
    [
        (torch.tensor([0, 3, 1, 1]),),  # counts: as row numbers they would give some other figure
        torch.tensor([True, True, False, True]),
        (torch.tensor([True, True, False]),),
        (torch.ones(4, dtype=torch.bool),) * 2,
        (),
        (torch.ones(4, dtype=torch.bool).numpy(),),
    ],
)
def test_the_rows_that_count_are_named_by_a_mask_a_table(where):
    x = torch.tensor([[1.0, 0], [0, 1], [5, 5], [0, 1]])
    for figure in (effective_rank, singular_values, correlation, Spectrum.of):
        with pytest.raises(ValueError, match=r"where: found .*torch.bool of shape \(4,\)"):
            figure(x, where=where)
    mask = torch.tensor([0, 3, 0, 1]) > 0
    assert effective_rank(x, where=[mask]) == pytest.approx(effective_rank(x[mask]))


@pytest.mark.parametrize("shapes", [[(4, 2), (4, 3)], [(4,)], []])
def test_tables_are_of_one_width(shapes):
    for figure in (effective_rank, singular_values, correlation):
        with pytest.raises(ValueError, match="embedding tables: found"):
            figure(*(torch.ones(shape) for shape in shapes))
