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
    np.testing.assert_array_equal(near.users(users), exact[np.ix_(users, users)] <= distance)
    shifted = n_users + items
    np.testing.assert_array_equal(near.items(items), exact[np.ix_(shifted, shifted)] <= distance)
    both = near.both(users, items)
    np.testing.assert_array_equal(both, np.stack((near.users(users), near.items(items))))


def test_distance_must_be_positive():
    with pytest.raises(ValueError, match="found 0"):
        Nearness(
            Interactions.from_rows(*[Ids(pl.Series([1]))] * 2, np.array([0]), np.array([0])), 0
        )
