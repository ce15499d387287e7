"""Drawing training pairs in bulk: whole chunks of an epoch at a time, off the critical path."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fullrank import native
from fullrank.data.interactions import Interactions
from fullrank.data.weights import user_strength, weighted_csr
from fullrank.errors import FitError

CHUNK = 1 << 17
"""Pairs, or their negatives, that are drawn at a time. Part of what a seed means: another value
draws other pairs."""
CACHE = 1 << 25
"""Bytes of pairs that lie in a processor's cache, more or less."""

Rule = Literal["users", "interactions"]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""(n,) users and (n,) items."""


class Batch(NamedTuple):
    """Row numbers of B positive pairs, and of N unobserved items of each where asked for."""

    user_idx: NDArray[np.int64]
    """(B,)"""
    item_idx: NDArray[np.int64]
    """(B,)"""
    negative_idx: NDArray[np.int64] | None
    """(B, N), or (1, N) where the pairs share them."""


class Sampler(Protocol):
    """Draws the batches of an epoch."""

    data: Interactions
    negatives: int

    def steps(self, batch_size: int) -> int:
        """Batches in an epoch."""
        ...

    def chunks(
        self, rng: np.random.Generator, steps: int, batch_size: int, *, start: int = 0
    ) -> Iterator[Batch]:
        """Yields the batches ``start .. steps - 1`` of an epoch, many at a time."""
        ...


class PairSampler:
    """Draws positive pairs, and negatives that the user has not interacted with.

    Args:
        data: The training interactions.
        rule: ``users``: a user uniformly among those with interactions, then one of their items
            uniformly (the published runs); ``interactions``: a pair uniformly.
        negatives: Negatives per pair, N; 0 for none.
        damping: The chance that a pair has by the rule is multiplied by ``item_degree ** -damping``
            (and all by what makes their sum one), so that popular items are drawn less often than
            they occur.
        threads: Threads that look up the pairs of a large table, while another draws the next ones;
            what is drawn is the same.
        shared: Draw the negatives once for all pairs of a batch, from all items.
        weighted: The chance that a pair has by the rule is in proportion to its weight: among all
            pairs, or among those of the user.
        systematic: Have each pair in an epoch as often as its chance says, up to one, in a new
            order, and not by independent draws with replacement: see `_systematic`.

    Raises:
        FitError: there is nothing to draw, weights are asked for and there are none, or negatives
            are asked for, not shared ones, and some user has interacted with every item.
    """

    def __init__(
        self,
        data: Interactions,
        rule: Rule,
        negatives: int = 0,
        *,
        damping: float = 0.0,
        threads: int = 1,
        shared: bool = False,
        systematic: bool = False,
        weighted: bool = False,
    ) -> None:
        if not len(data):
            raise FitError("training data", "no interactions", "at least one")
        if weighted and data.weight is None:
            raise FitError("setting weighted", "True, and no weights", "data with a weight column")
        if negatives and not shared and data.user_degree.max() >= data.n_items:
            user = data.users.values[int(data.user_degree.argmax())]
            raise FitError(
                "negative sampling", f"user {user!r} with every item", "an item left to draw"
            )
        self.data = data
        self.rule = rule
        self.negatives = negatives
        self.damping = damping
        self.threads = threads
        self.shared = shared
        self.systematic = systematic
        self.weighted = weighted
        # The C library hands pieces of a chunk's size back to the system when they are freed, and
        # gets them anew page by page, until a larger one was freed once. This one is never touched.
        np.empty(32 * CHUNK, dtype=np.uint8)

    def steps(self, batch_size: int) -> int:
        """As many as the interactions fill, and at least one."""
        return max(len(self.data) // batch_size, 1)

    def chunks(
        self, rng: np.random.Generator, steps: int, batch_size: int, *, start: int = 0
    ) -> Iterator[Batch]:
        """Yields the batches ``start .. steps - 1`` of an epoch, many at a time.

        The arrays of what it yields are (s, B), (s, B) and (s, B, N) or (s, 1, N). The batches
        before ``start`` are drawn and passed over, so that a run that goes on in the middle of an
        epoch sees what it would have seen.
        """
        pairs = 1 if self.shared else batch_size  # that negatives are drawn for
        chunk = max(CHUNK // max(batch_size, pairs * self.negatives), 1)
        firsts = range(0, steps, chunk)
        counts = [min(chunk, steps - first) for first in firsts]
        drawn = self._drawn(rng, [count * batch_size for count in counts])
        for first, count, (users, items) in zip(firsts, counts, drawn, strict=True):
            negatives = self._negatives(rng, users, count * pairs) if self.negatives else None
            if start >= first + count:
                continue
            shape, left = (count, batch_size), slice(max(start - first, 0), None)
            yield Batch(
                users.reshape(shape)[left],
                items.reshape(shape)[left],
                None if negatives is None else negatives.reshape(count, pairs, -1)[left],
            )

    def batches(
        self, rng: np.random.Generator, steps: int, batch_size: int, *, start: int = 0
    ) -> Iterator[Batch]:
        """Yields the same batches one at a time."""
        for users, items, negatives in self.chunks(rng, steps, batch_size, start=start):
            for step in range(len(users)):
                yield Batch(
                    users[step], items[step], None if negatives is None else negatives[step]
                )

    def _drawn(self, rng: np.random.Generator, sizes: list[int]) -> Iterator[Pairs]:
        if self.systematic:
            order = self._systematic(rng, sum(sizes))
            for positions in np.split(order, np.cumsum(sizes)[:-1]):
                yield self._unpacked(positions, self.threads)
            return
        if self.damping or self.weighted:
            yield from (self._weighted(rng, n) for n in sizes)
            return
        if self.rule == "users":
            yield from (self._users_first(rng, n) for n in sizes)
            return
        # A thread takes longer to start than it saves, unless every pair is a cache miss.
        large = native.available() and self._packed_pairs.nbytes > CACHE
        threads = self.threads if large else 1
        if threads == 1 or self.negatives:  # negatives are drawn between one chunk and the next
            for n in sizes:
                yield self._unpacked(rng.integers(len(self.data), size=n), threads)
            return
        with ThreadPoolExecutor(1) as ahead:
            following = ahead.submit(rng.integers, len(self.data), size=sizes[0])
            for n in [*sizes[1:], 0]:
                positions = following.result()
                following = ahead.submit(rng.integers, len(self.data), size=n)
                yield self._unpacked(positions, threads)

    def _unpacked(self, positions: NDArray[np.int64], threads: int) -> Pairs:
        if native.available():
            return native.unpack(self._packed_pairs, positions, threads)
        pairs = self._packed_pairs[positions]
        return pairs >> 32, pairs & 0xFFFFFFFF

    def _users_first(self, rng: np.random.Generator, n: int) -> Pairs:
        users = self._active[rng.integers(len(self._active), size=n)]
        offset = (rng.random(n) * self.data.user_degree[users]).astype(np.int64)
        return users, self.data.item_idx[self.data.indptr[users] + offset].astype(np.int64)

    def _systematic(self, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        """(n,) pairs by their numbers, those of an epoch.

        One random offset, and from there equal steps along the sum of all chances (Madow and Madow,
        1944); then in random order. Where all chances are the same each pair comes once, and those
        that are left out, because they fill no batch, are any.
        """
        if self.rule == "interactions" and not self.damping and not self.weighted:
            return np.resize(rng.permutation(len(self.data)), n)
        return rng.permutation(self._pairs_at((np.arange(n) + rng.random()) / n))

    def _weighted(self, rng: np.random.Generator, n: int) -> Pairs:
        data, positions = self.data, self._pairs_at(rng.random(n))
        return data.user_idx[positions].astype(np.int64), data.item_idx[positions].astype(np.int64)

    def _pairs_at(self, shares: NDArray[np.float64]) -> NDArray[np.int64]:
        """The pairs that lie at these shares, in [0, 1), of the sum of all chances."""
        up_to = self._weight_up_to
        positions: NDArray[np.int64] = np.searchsorted(up_to, shares * up_to[-1], "right")
        positions[positions == len(up_to)] -= 1  # rounding may step over the end
        return positions

    def _negatives(
        self, rng: np.random.Generator, users: NDArray[np.int64], times: int
    ) -> NDArray[np.int64]:
        if self.shared:
            return rng.integers(self.data.n_items, size=(times, self.negatives))
        owners = np.repeat(users, self.negatives)
        drawn = rng.integers(self.data.n_items, size=len(owners))
        again = np.flatnonzero(self._observed(owners, drawn))
        while len(again):
            drawn[again] = rng.integers(self.data.n_items, size=len(again))
            again = again[self._observed(owners[again], drawn[again])]
        return drawn.reshape(len(users), self.negatives)

    def _observed(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.bool_]:
        if native.available():
            return native.observed(self.data.indptr, self.data.item_idx, users, items)
        key = users * self.data.n_items + items
        at = np.searchsorted(self._keys, key)
        found: NDArray[np.bool_] = self._keys[np.minimum(at, len(self._keys) - 1)] == key
        return found

    @cached_property
    def _active(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.data.user_degree)

    @cached_property
    def _weight_up_to(self) -> NDArray[np.float64]:
        """(n,) the weights of all pairs up to each."""
        weights = self.data.item_degree[self.data.item_idx] ** -float(self.damping)
        if self.weighted:
            weights *= weighted_csr(self.data).data
        if self.rule == "users":
            whole = user_strength(self.data) if self.weighted else self.data.user_degree
            weights /= whole[self.data.user_idx]
        total: NDArray[np.float64] = np.cumsum(weights)
        return total

    @cached_property
    def _packed_pairs(self) -> NDArray[np.int64]:
        # User and item side by side: a random pair of a large table costs one miss, not two.
        pairs: NDArray[np.int64] = self.data.user_idx.astype(np.int64)
        pairs <<= 32
        pairs |= self.data.item_idx
        return pairs

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        return self.data.user_idx.astype(np.int64) * self.data.n_items + self.data.item_idx


class UserSampler:
    """Deals out the users with interactions in a new order for each epoch, each of them once.

    The last batch is filled up from the front of the order, so that all are of one size.

    Args:
        data: The training interactions.

    Raises:
        FitError: there are none.
    """

    negatives = 0

    def __init__(self, data: Interactions) -> None:
        if not len(data):
            raise FitError("training data", "no interactions", "at least one")
        self.data = data
        self._active = np.flatnonzero(data.user_degree)

    def steps(self, batch_size: int) -> int:
        """As many as it takes to see every user."""
        return -(-len(self._active) // batch_size)

    def chunks(
        self, rng: np.random.Generator, steps: int, batch_size: int, *, start: int = 0
    ) -> Iterator[Batch]:
        """Yields all batches stacked: users (s, B), and no items, (s, 0)."""
        order = np.resize(rng.permutation(self._active), (steps, batch_size))[start:]
        yield Batch(order, np.empty((len(order), 0), dtype=np.int64), None)
