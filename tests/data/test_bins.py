"""Bins of rows by their interactions, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fullrank.data.bins import bin_of, edges_of


@pytest.mark.parametrize(
    ("sizes", "edges"),
    [
        ([1] * 10 + [4] * 10 + [8] * 5, [0, 3, 8]),  # of edges 1, 2, 3, 5, 8: none has 2, 5 to 7
        ([1] * 10 + [4] * 10 + [8] * 4, [0, 3]),  # four rows are too few for the last bin
        ([1] * 10 + [4] * 10 + [100] * 10, [0, 3, 100]),  # 10 of 1,050 interactions are enough
        ([1] * 5 + [199] * 5, [0, 160]),  # so are 5 of 1,000
        ([1] * 4 + [199] * 5, [0]),  # 4 of 999 are not
        ([0] * 9, [0]),
        ([3], [0]),
    ],
)
def test_edges_by_hand(sizes, edges):
    rng = np.random.default_rng(0)
    assert edges_of(rng.permutation(np.array(sizes))).tolist() == edges


def test_a_row_is_in_the_bin_whose_lower_edge_it_reaches():
    sizes = np.array([0, 2, 3, 7, 8, 20])
    assert bin_of(sizes, np.array([0, 3, 8])).tolist() == [0, 0, 1, 1, 2, 2]
