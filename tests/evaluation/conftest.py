from __future__ import annotations

import numpy as np
import pytest
import torch
from three_parts import split

from fullrank.serving import DotScorer


@pytest.fixture(scope="session")
def case(interactions_of):
    """30 users × 50 items with integer-valued tables, and the three parts of a split."""
    rng = np.random.default_rng(0)
    users, items = (torch.from_numpy(rng.integers(-3, 4, (n, 4))).float() for n in (30, 50))
    parts = [interactions_of(part) for part in split(rng, 30, 50)]
    return DotScorer(users, items), *parts
