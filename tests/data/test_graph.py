from __future__ import annotations

from collections import deque

import numpy as np
import polars as pl
import pytest

from fullrank.data import Ids, Interactions
from fullrank.data.graph import Nearness


def distances(edges: list[tuple[int, int]], n_users: int, n_nodes: int) -> np.ndarray:
    """Breadth-first search from every node; items are numbered after users."""
    neighbours: list[list[int]] = [[] for _ in range(n_nodes)]
    for user, item in edges:
        neighbours[user].append(n_users + item)
        neighbours[n_users + item].append(user)
    found = np.full((n_nodes, n_nodes), np.inf)
    for source in range(n_nodes):
        found[source, source] = 0
        queue = deque([source])
        while queue:
            node = queue.popleft()
            for other in neighbours[node]:
                if np.isinf(found[source, other]):
                    found[source, other] = found[source, node] + 1
                    queue.append(other)
    return found


@pytest.mark.parametrize("distance", range(1, 8))
@pytest.mark.parametrize("seed", [0, 1])
def test_near_rows_are_those_that_a_search_finds(distance, seed):
    rng = np.random.default_rng(seed)
    n_users, n_items = 20, 25
    user, item = rng.integers(n_users, size=34), rng.integers(n_items, size=34)
    ids = [Ids(pl.Series(np.arange(n))) for n in (n_users, n_items)]
    data = Interactions.from_rows(*ids, user, item)
    near = Nearness(data, distance)
    exact = distances(list(zip(user, item, strict=True)), n_users, n_users + n_items)
    users, items = rng.integers(n_users, size=15), rng.integers(n_items, size=15)
    assert len(set(users)) < 15  # a batch may hold a row several times
    assert len(set(items)) < 15
    np.testing.assert_array_equal(near.users(users), exact[np.ix_(users, users)] <= distance)
    shifted = n_users + items
    np.testing.assert_array_equal(near.items(items), exact[np.ix_(shifted, shifted)] <= distance)
    both = near.both(users, items)
    np.testing.assert_array_equal(both, np.stack((near.users(users), near.items(items))))


def test_known_path():
    """A chain u0 - i0 - u1 - i1 - u2, and u3 alone."""
    ids = [Ids(pl.Series(np.arange(n))) for n in (4, 2)]
    chain = Interactions.from_rows(*ids, np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]))
    rows = np.array([3, 0, 2, 1, 0])
    same = rows[:, None] == rows
    beside = np.abs(np.subtract.outer(rows, rows)) <= 1
    linked = (rows[:, None] != 3) & (rows != 3)
    for distance, expected in (
        (1, same),
        (2, same | (beside & linked)),
        (3, same | (beside & linked)),
        (4, same | linked),
        (6, same | linked),
    ):
        near = Nearness(chain, distance).users(rows)
        assert near.dtype == bool
        np.testing.assert_array_equal(near, expected)


def test_the_data_is_left_as_it_was():
    ids = [Ids(pl.Series(np.arange(4)))] * 2
    data = Interactions.from_rows(*ids, np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]))
    before = data.indptr.copy(), data.item_idx.copy()  # the graph shares their memory
    near = Nearness(data, 6)
    first = near.both(np.arange(4), np.arange(4))
    np.testing.assert_array_equal(near.both(np.arange(4), np.arange(4)), first)
    np.testing.assert_array_equal(data.indptr, before[0])
    np.testing.assert_array_equal(data.item_idx, before[1])


@pytest.mark.parametrize("distance", [0, -2])
def test_distance_must_be_positive(distance):
    ids = [Ids(pl.Series([1]))] * 2
    data = Interactions.from_rows(*ids, np.array([0]), np.array([0]))
    with pytest.raises(ValueError, match=f"found {distance}; expected 1 or more"):
        Nearness(data, distance)
