from __future__ import annotations

import numpy as np
import pytest

from fullrank import generate


@pytest.fixture(scope="session")
def table():
    """1,500 users x 300 items, 40,000 pairs with times."""
    return generate(1500, 300, 40_000, seed=5, timestamps=True)


@pytest.fixture(scope="session")
def skewed_draw():
    """Draws a part of each user's interactions, weights going as a power of popularity."""

    def draw(data, power, fraction=0.2, seed=0):
        rng = np.random.default_rng(seed)
        held = np.zeros(len(data), dtype=bool)
        weight = data.item_degree.astype(float) ** power
        for start, stop in zip(data.indptr[:-1], data.indptr[1:], strict=True):
            n, p = int((stop - start) * fraction), weight[data.item_idx[start:stop]]
            if n:
                held[start + rng.choice(stop - start, n, replace=False, p=p / p.sum())] = True
        return data.select(~held), data.select(held)

    return draw
