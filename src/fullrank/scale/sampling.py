"""The batches of `fullrank.data.PairSampler`, drawn by many workers, each of which keeps its own.

All workers draw the same numbers from the same generator. A drawn number says which pair of the
whole table it means, so each worker knows whose it is, and its owner alone looks it up. Negatives
are drawn by all, too; whether one is observed is for the owner of the pair to say, and everyone has
to know, for it is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fullrank.data.sampling import CHUNK, Rule
from fullrank.errors import FitError
from fullrank.scale.blocks import UserBlock
from fullrank.scale.group import Group

Positions = NDArray[np.int64]
Found = tuple[NDArray[np.int64], Positions, Positions]
"""The owner of each pair of a chunk; users and items of this worker's pairs."""


@dataclass(frozen=True, eq=False)
class Share:
    """This worker's pairs of some consecutive batches."""

    user_idx: NDArray[np.int64]
    """(m,) rows of its own block, batch by batch."""
    item_idx: NDArray[np.int64]
    """(m,)"""
    negative_idx: NDArray[np.int64] | None
    """(m, N), or (s, N) where the pairs of a batch share them."""
    counts: NDArray[np.int64]
    """(s, W) pairs of each worker in each batch."""
    rank: int
    """Which worker it is of."""
    shared: bool = False
    """Whether the pairs of a batch share their negatives."""

    def __post_init__(self) -> None:
        ends = np.concatenate(([0], np.cumsum(self.counts[:, self.rank])))
        object.__setattr__(self, "ends", ends)

    def pairs_of(self, step: int) -> slice:
        """Where the pairs of one batch are."""
        ends: NDArray[np.int64] = self.ends  # type: ignore[attr-defined]
        return slice(int(ends[step]), int(ends[step + 1]))

    def negatives_of(self, step: int) -> NDArray[np.int64] | None:
        """(b, N) of one batch, or (1, N)."""
        if self.negative_idx is None:
            return None
        return self.negative_idx[slice(step, step + 1) if self.shared else self.pairs_of(step)]

    def __len__(self) -> int:
        return len(self.counts)


class ShardSampler:
    """Draws this worker's share of the batches that `PairSampler` draws of the whole table.

    Args:
        block: The users of this worker, with their pairs.
        group: The workers, in the order of their users.
        rule: See `PairSampler`, as for the others; pairs have no weights here.
        negatives: N.
        damping: For popular items.
        shared: One draw of negatives for a batch.
        systematic: Each pair as often as its chance says.

    Raises:
        FitError: there is nothing to draw, or negatives are asked for and some user has every item.
    """

    def __init__(
        self,
        block: UserBlock,
        group: Group,
        rule: Rule,
        negatives: int = 0,
        *,
        damping: float = 0.0,
        shared: bool = False,
        systematic: bool = False,
    ) -> None:
        self.block, self.group, self.rule = block, group, rule
        self.negatives, self.shared = negatives, shared
        self.damping, self.systematic = damping, systematic
        self._degree = np.diff(block.indptr)
        fullest = int(group.of_each(self._degree.max(initial=0)).max())
        if not block.whole.pairs:
            raise FitError("training data", "no interactions", "at least one")
        if negatives and not shared and fullest >= block.whole.items:
            raise FitError(
                "negative sampling", "a user with every item", "an item left to draw"
            )  # fmt: skip
        self._active = np.flatnonzero(self._degree)
        by_pair = systematic or damping
        if by_pair and (rule == "users" or damping):
            self._draw_by_weight()
        elif rule == "users":
            self._edges = self._ends_of(len(self._active))
        else:
            self._edges = self._ends_of(block.pairs)

    def steps(self, batch_size: int) -> int:
        """Batches in an epoch, as `PairSampler.steps`."""
        return max(self.block.whole.pairs // batch_size, 1)

    def shares(
        self, rng: np.random.Generator, steps: int, batch_size: int, *, start: int = 0
    ) -> Iterator[Share]:
        """Yields this worker's part of the batches ``start .. steps - 1``, many at a time."""
        pairs = 1 if self.shared else batch_size
        chunk = max(CHUNK // max(batch_size, pairs * self.negatives), 1)
        counts = [min(chunk, steps - first) for first in range(0, steps, chunk)]
        drawn = self._drawn(rng, [count * batch_size for count in counts])
        for number, (count, (owner, users, items)) in enumerate(zip(counts, drawn, strict=True)):
            negatives = None
            if self.shared and self.negatives:
                negatives = rng.integers(self.block.whole.items, size=(count, self.negatives))
            elif self.negatives:
                negatives = self._negatives(rng, owner, users)
            skipped = max(start - number * chunk, 0)
            if skipped >= count:
                continue
            yield self._share(owner.reshape(count, batch_size), users, items, negatives, skipped)

    def _share(
        self,
        owner: NDArray[np.int64],
        users: Positions,
        items: Positions,
        negatives: NDArray[np.int64] | None,
        skipped: int,
    ) -> Share:
        workers = range(self.group.size)
        counts = np.stack([(owner == each).sum(axis=1) for each in workers], axis=1)
        passed = int(counts[:skipped, self.group.rank].sum())
        if negatives is not None:
            negatives = negatives[skipped if self.shared else passed :]
        return Share(
            users[passed:],
            items[passed:],
            negatives,
            counts[skipped:],
            self.group.rank,
            self.shared,
        )

    def _drawn(self, rng: np.random.Generator, sizes: list[int]) -> Iterator[Found]:
        """Of each chunk the owner of each pair, and users and items of this worker's pairs."""
        whole = self.block.whole.pairs
        if self.systematic:
            if self.rule == "interactions" and not self.damping:
                order, total = rng.permutation(whole), sum(sizes)
                order = order[:total] if total <= whole else np.resize(order, total)
                found: Callable[[Any], Found] = self._looked_up
            else:
                # Each number is permuted and looked up later: the same as a look-up first.
                total = sum(sizes)
                order = rng.permutation((np.arange(total) + rng.random()) / total)
                found = self._at_shares
            for numbers in np.split(order, np.cumsum(sizes)[:-1]):
                yield found(numbers)
            return
        for size in sizes:
            if self.damping:
                yield self._at_shares(rng.random(size))
            elif self.rule == "users":
                yield self._users_first(rng, size)
            else:
                yield self._looked_up(rng.integers(whole, size=size))

    def _looked_up(
        self, positions: Positions
    ) -> Found:  # fmt: skip
        """By numbers of pairs in the whole table."""
        owner = np.searchsorted(self._edges, positions, "right")
        own = positions[owner == self.group.rank] - self.block.first_pair
        return owner, *self._pairs(own)

    def _pairs(self, own: Positions) -> tuple[Positions, Positions]:
        users = np.searchsorted(self.block.indptr, own, "right") - 1
        return users, self.block.item_idx[own].astype(np.int64)

    def _users_first(self, rng: np.random.Generator, n: int) -> Found:
        numbers = rng.integers(self._edges[-1], size=n)
        within = rng.random(n)
        owner = np.searchsorted(self._edges, numbers, "right")
        mine, before = owner == self.group.rank, self._edges[self.group.rank] - len(self._active)
        users = self._active[numbers[mine] - before]
        offset = (within[mine] * self._degree[users]).astype(np.int64)
        items = self.block.item_idx[self.block.indptr[users] + offset].astype(np.int64)
        return owner, users, items

    def _at_shares(self, shares: NDArray[np.float64]) -> Found:
        """By shares, in [0, 1), of the sum of all chances."""
        at = shares * self._weight_edges[-1]
        owner = np.searchsorted(self._weight_edges, at, "right")
        owner[owner == self.group.size] = self._last  # rounding may step over the end
        own = np.searchsorted(self._weight_up_to, at[owner == self.group.rank], "right")
        own[own == self.block.pairs] -= 1
        return owner, *self._pairs(own)

    def _negatives(
        self, rng: np.random.Generator, owner: NDArray[np.int64], users: Positions
    ) -> NDArray[np.int64]:
        """(m, N) of this worker's pairs."""
        n_items, mine = self.block.whole.items, np.repeat(owner == self.group.rank, self.negatives)
        of = np.repeat(users, self.negatives)
        drawn = rng.integers(n_items, size=len(mine))
        slot = np.cumsum(mine) - 1
        again = self._observed_ones(np.arange(len(mine)), mine, of, slot, drawn)
        while len(again):
            drawn[again] = rng.integers(n_items, size=len(again))
            again = self._observed_ones(again, mine, of, slot, drawn)
        own: NDArray[np.int64] = drawn[mine].reshape(-1, self.negatives)
        return own

    def _observed_ones(
        self,
        where: Positions,
        mine: NDArray[np.bool_],
        of: Positions,
        slot: Positions,
        drawn: NDArray[np.int64],
    ) -> Positions:
        """Which draws among ``where`` are observed, of the pairs of all workers."""
        own = mine[where]
        found = np.zeros(len(where), dtype=np.uint8)
        found[own] = self._observed(of[slot[where[own]]], drawn[where[own]])
        observed = self.group.all_reduce(torch.from_numpy(found), "max").numpy()
        again: Positions = where[observed > 0]
        return again

    def _observed(self, users: Positions, items: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each user of the block has each item, by a search among the user's own."""
        low, high = self.block.indptr[users], self.block.indptr[users + 1]
        end = high.copy()
        for _ in range(int(self._degree.max(initial=0)).bit_length()):
            middle = (low + high) // 2
            # A search that has ended stays where it is.
            below = (low < high) & (
                self.block.item_idx[np.minimum(middle, self.block.pairs - 1)] < items
            )
            high = np.where((low < high) & ~below, middle, high)
            low = np.where(below, middle + 1, low)
        at = np.minimum(low, max(self.block.pairs - 1, 0))
        found: NDArray[np.bool_] = (low < end) & (self.block.item_idx[at] == items)
        return found

    def _ends_of(self, own: int) -> NDArray[np.int64]:
        """(W,) where the numbers of each worker's things end."""
        each = self.group.of_each(own)[:, 0].numpy().astype(np.int64)
        ends: NDArray[np.int64] = np.cumsum(each)
        return ends

    def _draw_by_weight(self) -> None:
        """The sums of chances up to each own pair, to the bit those of the whole table."""
        degree = torch.from_numpy(self.block.item_degree())
        item_degree = self.group.all_reduce(degree).numpy()
        weights = item_degree[self.block.item_idx] ** -float(self.damping)
        if self.rule == "users":
            weights /= np.repeat(self._degree, self._degree)
        before, ends = 0.0, []
        for rank in range(self.group.size):  # one after another: the order of sums is the same
            if rank == self.group.rank:
                up_to = np.cumsum(np.concatenate(([before], weights)))
                self._weight_up_to = up_to[1:]
                before = float(up_to[-1])
            before = float(self.group.of_each(before)[rank, 0])
            ends.append(before)
        self._weight_edges = np.array(ends)
        pairs = self.group.of_each(self.block.pairs)[:, 0].numpy()
        self._last = int(np.flatnonzero(pairs)[-1])
