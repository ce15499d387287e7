"""Inverted lists: exact where all are searched, the same from a file, and steady."""

from __future__ import annotations

import numpy as np
import pytest

from fullrank.exporting.geometry import nearest

pytest.importorskip("faiss")
from fullrank.exporting.inverted import InvertedLists

RNG = np.random.default_rng(0)
ITEMS = (RNG.normal(size=(3000, 12)) * RNG.lognormal(0, 1, (3000, 1))).astype(np.float32)
USERS = RNG.normal(size=(40, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def lists() -> InvertedLists:
    return InvertedLists.of(ITEMS)


def test_all_lists_hold_the_exact_nearest(lists):
    assert lists.shape == ITEMS.shape
    assert lists.n_lists == 220
    found = lists.nearest(USERS, 10, lists.n_lists)
    np.testing.assert_array_equal(found, nearest(USERS, ITEMS, 10, "ip"))


def test_more_lists_find_more(lists):
    wanted = nearest(USERS, ITEMS, 10, "ip")
    found = [lists.nearest(USERS, 10, n) for n in (1, 8, 64)]
    shares = [(each[:, :, None] == wanted[:, None, :]).any(axis=2).mean() for each in found]
    assert shares == sorted(shares)
    assert shares[0] < 0.9 < shares[-1]


@pytest.mark.parametrize("searched", [1, 5, 60])
def test_a_user_alone_is_answered_as_among_others(lists, searched):
    together = lists.nearest(USERS, 30, searched)
    alone = [lists.nearest(USERS[at : at + 1], 30, searched)[0] for at in range(len(USERS))]
    np.testing.assert_array_equal(together, alone)
    scaled = lists.nearest(USERS * np.float32(1024), 30, searched)
    np.testing.assert_array_equal(together, scaled)  # which lists, and in which order


@pytest.mark.parametrize("name", ["items.faiss", "Öl und Salz.faiss"])
def test_a_file_answers_alike(lists, tmp_path, name):
    lists.write(tmp_path / name)
    other = InvertedLists.open(tmp_path / name)
    assert (other.shape, other.n_lists) == (lists.shape, lists.n_lists)
    np.testing.assert_array_equal(other.nearest(USERS, 9, 7), lists.nearest(USERS, 9, 7))


def test_lists_that_hold_fewer_than_are_asked_for(lists):
    found = lists.nearest(USERS, 500, 1)
    assert (found[:, -1] == -1).all()
    assert (found[:, 0] >= 0).all()


@pytest.mark.parametrize("items", [np.zeros((50, 4)), np.ones((50, 4)), np.ones((1, 4))])
def test_rows_that_are_alike(items):
    lists = InvertedLists.of(items.astype(np.float32))
    found = lists.nearest(np.ones((2, 4), dtype=np.float32), len(items), lists.n_lists)
    assert [sorted(each) for each in found.tolist()] == [list(range(len(items)))] * 2
