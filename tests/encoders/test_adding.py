"""Sums into rows of a table, by both ways of a GPU."""

from __future__ import annotations

import pytest
import torch

from fullrank.encoders.adding import add_rows, by_product, by_sorting

ROWS = torch.tensor([3, 7, 3, 0, 7, 3])


@pytest.mark.parametrize("way", [add_rows, by_product, by_sorting])
@pytest.mark.parametrize("scale", [1.0, -0.3])
def test_repeated_rows_get_the_sum(way, scale):
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(9, 4, generator=generator, dtype=torch.float64)
    added = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    expected = table.clone()
    for row, each in zip(ROWS.tolist(), added, strict=True):
        expected[row] += scale * each
    given = table.clone()
    assert way(given, ROWS, added, scale) is given
    torch.testing.assert_close(given, expected)
