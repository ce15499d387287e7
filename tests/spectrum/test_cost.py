"""What the algebra is careful not to build."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fullrank.spectrum import (
    DirectSpec,
    Spectrum,
    alignment,
    balance_spectrum,
    correlation,
    effective_rank,
    measure,
    singular_values,
    uniformity,
    unit_rows,
)

ROWS, WIDTH = 300, 5


class Made(TorchDispatchMode):
    """Keeps the type and size of every tensor that an operator returns."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[torch.dtype, int]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        found = [each for each in tree_leaves(out) if isinstance(each, torch.Tensor)]
        self.sizes += [(each.dtype, each.numel()) for each in found]
        return out

    def largest(self, dtype: torch.dtype | None = None) -> int:
        return max(size for kind, size in self.sizes if dtype in (None, kind))


def test_the_watch_sees_a_matrix_of_pairs(generator):
    x = torch.randn(ROWS, WIDTH, generator=generator)
    with Made() as made:
        (x @ x.T).softmax(dim=1)
    assert made.largest() == ROWS**2
    leaf = x.clone().requires_grad_()
    pairs = leaf @ leaf.T
    with Made() as made:
        pairs.square().sum().backward()
    assert made.largest() == ROWS**2


def test_direct_spec_makes_no_matrix_of_pairs(generator):
    x = torch.randn(ROWS, WIDTH, generator=generator, requires_grad=True)
    with Made() as made:
        DirectSpec(0.001, 0.03)(x).sum().backward()
    assert made.largest() <= ROWS * WIDTH


def test_balance_spectrum_makes_no_matrix_of_pairs(generator):
    x = torch.randn(ROWS, WIDTH, generator=generator, requires_grad=True)
    with Made() as made:
        balance_spectrum(x, 1e-9, power=3, iterations=2).sum().backward()
    assert made.largest() <= ROWS * WIDTH


@pytest.mark.parametrize(
    "figure", [singular_values, effective_rank, correlation, Spectrum.of], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("tables", [1, 2])
def test_a_measure_never_copies_the_table_to_float64(figure, tables, generator, monkeypatch):
    monkeypatch.setattr(measure, "BLOCK_ROWS", 32)
    parts = torch.randn(ROWS, WIDTH, generator=generator).chunk(tables)
    with Made() as made:
        figure(*parts)
    assert made.largest() <= ROWS * WIDTH
    assert made.largest(torch.float64) <= 32 * WIDTH


def test_pairs_are_met_in_blocks(generator):
    x = unit_rows(torch.randn(ROWS, WIDTH, generator=generator))
    with Made() as made:
        uniformity(x, block_rows=16)
    assert made.largest() <= 16 * ROWS
    with Made() as made:
        alignment(x, x.flip(0))
    assert made.largest() <= ROWS * WIDTH
