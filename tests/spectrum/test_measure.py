from __future__ import annotations

import json

import naive
import pytest
import torch

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
from fullrank.spectrum.report import random_singular_values


@pytest.mark.parametrize("shape", [(500, 16), (16, 16), (5, 16), (70_000, 3)])
def test_singular_values_are_those_of_an_svd(shape, generator):
    x = torch.randn(*shape, generator=generator)
    x[:, 0] *= 1e4
    expected = torch.linalg.svdvals(x.double())
    found = singular_values(x)
    assert found.dtype == torch.float64
    assert (found - expected).abs().max() <= 1e-6 * expected[0]


def test_tables_are_stacked_and_may_be_strided_or_narrow(generator, monkeypatch):
    monkeypatch.setattr(measure, "BLOCK_ROWS", 7)
    users, items = torch.randn(40, 6, generator=generator), torch.randn(6, 55, generator=generator)
    expected = torch.linalg.svdvals(torch.cat((users, items.T)).double())
    torch.testing.assert_close(singular_values(users, items.T), expected)
    narrow = users.bfloat16()
    torch.testing.assert_close(singular_values(narrow), torch.linalg.svdvals(narrow.double()))


def test_effective_rank(generator):
    x = torch.randn(50, 8, generator=generator) * torch.logspace(0, -3, 8)
    assert effective_rank(x) == pytest.approx(naive.effective_rank(x), abs=1e-9)
    rotation = torch.linalg.qr(torch.randn(8, 8, generator=generator)).Q
    assert effective_rank(5 * x @ rotation) == pytest.approx(effective_rank(x), rel=1e-5)
    assert effective_rank(torch.eye(8)) == pytest.approx(8)
    assert effective_rank(torch.ones(9, 8)) == pytest.approx(1)
    assert effective_rank(torch.zeros(9, 8)) == 0
    with pytest.raises(ValueError, match="NaN or infinity"):
        effective_rank(torch.full((9, 8), torch.nan))


def test_correlation(generator):
    x = torch.randn(30, 5, generator=generator)
    x[4] = 0
    assert correlation(x) == pytest.approx(naive.correlation(x), rel=1e-10)
    assert correlation(3 * x) == pytest.approx(correlation(x))
    assert correlation(x[:10], x[10:]) == pytest.approx(correlation(x))
    assert correlation(torch.eye(5)) == pytest.approx(5)


def test_alignment(generator):
    u, v = (unit_rows(torch.randn(12, 5, generator=generator).double()) for _ in range(2))
    expected = sum(float((a - b) @ (a - b)) for a, b in zip(u, v, strict=True)) / 12
    assert alignment(u, v).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("block_rows", [1, 5, 100])
def test_uniformity(block_rows, generator):
    x = unit_rows(torch.randn(23, 4, generator=generator).double())
    found = uniformity(x, t=2.0, block_rows=block_rows)
    assert found.item() == pytest.approx(naive.uniformity(x, 2.0), rel=1e-10)
    small = x[:5].clone().requires_grad_()
    assert torch.autograd.gradcheck(uniformity, (small,))
    with pytest.raises(ValueError, match="1 row"):
        uniformity(x[:1])


@pytest.mark.parametrize("shape", [(64, 64), (80, 64), (5000, 64), (30, 60)])
def test_random_spectra_are_those_of_random_tables(shape, generator):
    drawn = [effective_rank(torch.randn(*shape, generator=generator)) for _ in range(5)]
    made = measure.entropy_rank(random_singular_values(*shape))
    assert made == pytest.approx(sum(drawn) / 5, rel=0.02)


def test_report_words(generator):
    random = Spectrum.of(torch.randn(2000, 32, generator=generator))
    assert random.verdict.startswith("Balanced: the table uses 31.")
    assert random.mean_squared_cosine == pytest.approx(1 / 32, rel=0.05)
    flat = torch.randn(2000, 3, generator=generator) @ torch.randn(3, 32, generator=generator)
    collapsed = Spectrum.of(flat[:500], flat[500:])
    assert collapsed.shape == (2000, 32)
    assert collapsed.verdict.startswith("Collapsed: the table uses")
    assert collapsed.dimensions_for_90_percent <= 3
    assert collapsed.effective_rank <= 3.01
    assert json.loads(json.dumps(collapsed.to_dict()))["dimensions"] == 32
    partial = Spectrum.of(torch.randn(2000, 32, generator=generator) * torch.logspace(0, -1.7, 32))
    assert partial.verdict.startswith("Partly collapsed")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (torch.randn(9), "1 dimensions"),
        (torch.randn(9, 1), "1 column"),
        (torch.randn(4, 9), "4 rows and 9 columns"),
        (torch.tensor([[1.0, 2], [torch.nan, 1], [1, 1]]), "row 1: found NaN"),
    ],
)
def test_report_refuses(table, words):
    with pytest.raises(ValueError, match=words):
        Spectrum.of(table)
