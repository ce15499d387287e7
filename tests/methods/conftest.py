from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from fullrank import Interactions


@pytest.fixture(scope="session")
def weighted() -> Interactions:
    """40 users × 25 items, a user and an item without interactions, weights from 0.5 to 5."""
    rng = np.random.default_rng(3)
    dense = rng.integers(1, 11, (40, 25)) / 2 * (rng.random((40, 25)) < 0.25)
    dense[4], dense[:, 7] = 0, 0
    return Interactions.from_scipy(sp.csr_array(dense))


@pytest.fixture(params=["plain", "weighted"])
def data(request, small, weighted) -> Interactions:
    """Once without weights and once with them."""
    return weighted if request.param == "weighted" else small.train
