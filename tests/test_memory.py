"""Nothing of the size users × items, users × users or items × items is ever made."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fullrank import Recommender, generate, native
from fullrank.data import random_split
from fullrank.serving.top_k import BLOCK_BYTES

USERS, ITEMS = 3000, 4000
SMALLEST = USERS * USERS  # of the three forbidden matrices

FOUND = {"alpha": 0.8, "tau": 3.0, "lr": 1.0}  # a search makes what one fit makes, many times over

METHODS = [
    ("directspec+", {"alpha": 0.8, "lr": 1.0}),
    ("directspec+", {**FOUND, "tau_design": "graph", "tau_near": 2.5}),
    ("directspec+", {**FOUND, "tau_design": "attention"}),
    ("directspec", {"alpha": 0.01}),
    ("bpr", {}),
    ("bce", {"negatives": 4}),
]


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


@pytest.fixture(scope="module")
def split():
    return random_split(generate(USERS, ITEMS, 40_000, titles=False))


def use(split, method, epochs, **settings):
    """All that a model is for, for all users and all items."""
    model = Recommender(method, dim=16, epochs=epochs, **settings).fit(split)
    model.evaluate()
    model.recommend(k=5)
    model.similar_items(model.items.values, k=5)
    model.spectrum()
    return model


def test_the_watch_sees_what_it_should():
    tracemalloc.start()
    with Largest() as largest:
        rows = torch.ones(30, 2)
        torch.relu(rows @ rows.T)
        torch.zeros(40, 50).numpy().astype(bool).copy()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert largest.numel == 2000
    assert peak > 2000


def test_a_block_is_far_below_what_is_forbidden():
    assert 4 * BLOCK_BYTES / 4 < SMALLEST


@pytest.mark.slow
@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize(("method", "settings"), METHODS)
def test_largest_allocation(split, method, settings, kernels, monkeypatch):
    if not kernels:
        monkeypatch.setattr(native, "available", lambda: False)
    use(split, method, 0, **settings)  # imports what is imported late, so that it does not count
    tracemalloc.start()
    with Largest() as largest:
        model = use(split, method, 1, **settings)
        guests = split.test.select(split.test.user_idx < 100).to_frame()
        model.fold_in(guests).recommend(k=5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # What the kernels allocate is not seen here; test_peak_of_the_process sees it.
    seen = 30_000 if kernels and native.available() else 100_000
    assert seen < largest.numel <= BLOCK_BYTES / 4
    assert peak < SMALLEST  # bytes, of NumPy and SciPy: not even a matrix of booleans


PEAK = """
import resource
import fullrank as fr
data = fr.data.random_split(fr.generate(40_000, 30_000, 200_000, titles=False))
def use():
    model = fr.Recommender("directspec+", dim=16, epochs=1, batch_size=4096, alpha=0.8, tau=3.0,
                           tau_design="graph", tau_near=2.0).fit(data)
    model.evaluate(), model.recommend(k=5), model.spectrum()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.posix
def test_peak_of_the_process():
    """Users x items, one byte each, would be 1.2 GB; with everything loaded late, 0.7 is ample."""
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 700_000
