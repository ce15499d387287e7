"""Nothing of the size users × items, users × users or items × items is ever made."""

from __future__ import annotations

import tracemalloc

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fullrank import Recommender, generate
from fullrank.data import random_split

USERS, ITEMS = 6000, 5000


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation returns."""

    def __init__(self):
        super().__init__()
        self.numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for each in out if isinstance(out, tuple | list) else (out,):
            if isinstance(each, torch.Tensor):
                self.numel = max(self.numel, each.numel())
        return out


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("directspec+", {}),
        ("directspec+", {"tau_design": "graph", "tau_near": 2.5}),
        ("directspec", {}),
        ("bpr", {}),
    ],
)
def test_largest_allocation(method, settings):
    split = random_split(generate(USERS, ITEMS, 40_000, titles=False))
    with Largest():  # imports what is imported late, so that it does not count
        Recommender(method, dim=16, epochs=0, **settings).fit(split).evaluate(k=1)
    tracemalloc.start()
    with Largest() as largest:
        model = Recommender(method, dim=16, epochs=1, **settings).fit(split)
        model.evaluate()
        model.recommend(k=5)
        model.similar_items(model.items.values, k=5)
        model.spectrum()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0 < largest.numel < ITEMS * ITEMS / 8
    assert peak < ITEMS * ITEMS  # bytes: not even a matrix of booleans
