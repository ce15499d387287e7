"""The packed item table, and threads that share it."""

from __future__ import annotations

import copy
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from fullrank import native
from fullrank.serving import DotScorer, top_k

pytestmark = pytest.mark.skipif(not native.available(), reason="no kernels")

LARGE = 20_011  # items, of 64 numbers: worth more than one thread for every number of users below


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def bits(ranking):
    return ranking.items.tobytes() + ranking.scores.tobytes()


def test_neither_threads_nor_company_change_a_bit(threads):
    generator = torch.Generator().manual_seed(0)
    scorer = DotScorer(*(torch.randn(n, 64, generator=generator) for n in (400, LARGE)))
    threads(1)
    whole = top_k(scorer, np.arange(400), 20)
    alone = [bits(top_k(scorer, np.array([user]), 20)) for user in range(0, 400, 57)]
    for count in (1, 2, 3, 5):
        threads(count)
        for first, n in ((0, 8), (3, 97), (90, 200), (0, 400)):
            part = top_k(scorer, np.arange(first, first + n), 20)
            assert part.items.tobytes() == whole.items[first : first + n].tobytes()
            assert part.scores.tobytes() == whole.scores[first : first + n].tobytes()
        assert [bits(top_k(scorer, np.array([user]), 20)) for user in range(0, 400, 57)] == alone


@pytest.mark.parametrize("n_users", [8, 40, 110, 250])
def test_threads_that_share_the_items_keep_to_the_masks_and_ties(
    interactions_of, monkeypatch, threads, n_users
):
    rng = np.random.default_rng(n_users)
    scorer = DotScorer(
        *(torch.from_numpy(rng.integers(-2, 3, size=(n, 64))).float() for n in (n_users, LARGE))
    )
    seen = [interactions_of(rng.random((n_users, LARGE)) < share) for share in (0.02, 0.001)]
    candidates = rng.random(LARGE) < 0.9
    users = rng.permutation(n_users)
    threads(3)
    for k in (1, 20, 300):
        fast = top_k(scorer, users, k, exclude=seen, candidates=candidates)
        with monkeypatch.context() as context:
            context.setattr(native, "available", lambda: False)
            slow = top_k(scorer, users, k, exclude=seen, candidates=candidates)
        assert bits(fast) == bits(slow)


@pytest.mark.parametrize("dim", [1, 4, 16, 37, 70])
@pytest.mark.parametrize("n_items", [1, 16, 63, 64, 65, 1000])
def test_panels_hold_the_table_turned_and_zeros_after_its_end(n_items, dim):
    table = np.random.default_rng(0).standard_normal((n_items, dim)).astype(np.float32)
    packed = native.PackedItems(table, 3)
    n_panels = -(-n_items // packed.width)
    panels = packed.panels.reshape(n_panels, dim, packed.width)
    back = panels.transpose(0, 2, 1).reshape(-1, dim)
    np.testing.assert_array_equal(back[:n_items], table)
    assert not back[n_items:].any()
    assert packed.panels.ctypes.data % 64 == 0


def test_the_table_is_packed_once_whoever_asks(monkeypatch):
    made, real = [], native.PackedItems

    def packed(*args):
        made.append(args)
        time.sleep(0.05)  # long enough for the others to ask meanwhile
        return real(*args)

    monkeypatch.setattr(native, "PackedItems", packed)
    scorer = DotScorer(torch.eye(5), torch.eye(5))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda u: top_k(scorer, np.array([u % 5]), 1).items[0, 0], range(40)))
    assert found == [u % 5 for u in range(40)]
    others = scorer.with_users(torch.eye(5).flip(0))
    assert top_k(others, np.arange(5), 1).items[:, 0].tolist() == [4, 3, 2, 1, 0]
    assert len(made) == 1
    for other in (copy.deepcopy(scorer), pickle.loads(pickle.dumps(scorer))):
        assert top_k(other, np.arange(5), 1).items[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert len(made) == 3, "panels are of one machine and stay where they were made"
