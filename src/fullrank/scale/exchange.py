"""Which rows of items a worker lacks for its batches, and who has to send which to whom.

Ids go ahead of the steps, those of many batches in one message, while the batches before are
computed. What is left for a step is two messages: rows to those who asked, as they are after the
step before, and gradients back.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.scale.group import Group
from fullrank.scale.sampling import ShardSampler, Share


@dataclass(frozen=True, eq=False)
class Reach:
    """Whose gradients go to every worker: the users of each one's pairs, then its items."""

    ids: NDArray[np.int64]
    """(T,) row numbers, worker by worker; those of users occur once a pair, items once a worker."""
    of_users: NDArray[np.bool_]
    """(T,) which are users."""
    counts: list[int]
    """(W,) how many are of each worker."""


@dataclass(frozen=True, eq=False)
class Part:
    """This worker's part of one batch, complete but for the rows of items."""

    user_idx: Tensor
    """(b,) rows of its own block."""
    item_at: Tensor
    """(b,) places of the items among the rows that it asks for."""
    negative_at: Tensor | None
    """(b, N) or (1, N) the same of the negatives."""
    asks: list[int]
    """(W,) rows that it asks each worker for; ascending ids, so worker by worker."""
    asked: Tensor
    """(a,) rows of its own block that workers ask it for, worker by worker."""
    sends: list[int]
    """(W,) how many of these are for each."""
    counts: list[int]
    """(W,) pairs of each worker in the batch."""
    batch_users: Tensor | None
    """(B,) users of the whole batch, worker by worker, where a balance needs them."""
    batch_items: Tensor | None
    """(B,) items, likewise."""
    reach: Reach | None = None
    """Where gradients reach further than the rows that they are of."""

    def on(self, device: torch.device) -> Part:
        """The same where it trains."""
        if device.type == "cpu":
            return self
        moved: dict[str, Any] = {name: each.to(device) for name, each in vars(self).items()
                 if isinstance(each, Tensor)}  # fmt: skip
        return replace(self, **moved)


def parts(
    share: Share,
    edges: NDArray[np.int64],
    group: Group,
    whole: bool,
    first: int,
    reaches: bool = False,
) -> list[Part]:
    """What each step of a share needs, after one exchange of ids.

    Args:
        share: This worker's part of some batches.
        edges: (W + 1,) where each worker's items begin and end.
        group: On the CPU.
        whole: Whether every worker is to know users and items of the whole batch.
        first: Row number of this worker's first user.
        reaches: Whether every worker is to know whose gradients there are.
    """
    wanted, at = [], []
    for step in range(len(share)):
        own = share.pairs_of(step)
        ids = share.item_idx[own]
        negatives = share.negatives_of(step)
        if negatives is not None:
            ids = np.concatenate((ids, negatives.ravel()))
        distinct, inverse = np.unique(ids, return_inverse=True)
        wanted.append(distinct)
        at.append(inverse)
    asks = np.stack([np.diff(np.searchsorted(each, edges)) for each in wanted])  # (s, W)
    sends = _turned(asks, group)
    asked = _exchanged(wanted, asks, sends, group)
    users, items = _of_batches(share, group, first) if whole else (None, None)
    reached = _reaches(share, wanted, group, first) if reaches else None
    made = []
    for step in range(len(share)):
        own = share.pairs_of(step)
        places, size = torch.from_numpy(at[step]), own.stop - own.start
        negatives = share.negatives_of(step)
        negative_at = None if negatives is None else places[size:].view(negatives.shape)
        made.append(
            Part(
                torch.from_numpy(share.user_idx[own]),
                places[:size],
                negative_at,
                asks[step].tolist(),
                torch.from_numpy(asked[step] - edges[group.rank]),
                sends[step].tolist(),
                share.counts[step].tolist(),
                None if users is None else users[step],
                None if items is None else items[step],
                None if reached is None else reached[step],
            )
        )
    return made


def prepared(
    sampler: ShardSampler,
    rng: np.random.Generator,
    steps: int,
    batch_size: int,
    edges: NDArray[np.int64],
    *,
    start: int = 0,
    whole: bool = False,
    reaches: bool = False,
) -> Iterator[Part]:
    """The parts of the batches of an epoch; those of the next share are made in the background.

    ``whole`` and ``reaches`` are as for `parts`. The sampler's group is used by that one thread.
    """
    shares = sampler.shares(rng, steps, batch_size, start=start)
    first = sampler.block.first

    def following() -> list[Part] | None:
        share = next(shares, None)
        return None if share is None else parts(share, edges, sampler.group, whole, first, reaches)

    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(following)
        while (made := coming.result()) is not None:
            coming = ahead.submit(following)
            yield from made


def _turned(asks: NDArray[np.int64], group: Group) -> NDArray[np.int64]:
    """(s, W) how many rows each worker asks this one for, from how many this one asks of each."""
    rows = torch.from_numpy(np.ascontiguousarray(asks.T))
    ones = [1] * group.size
    return group.all_to_all(rows, ones, ones).numpy().T


def _exchanged(
    wanted: list[NDArray[np.int64]],
    asks: NDArray[np.int64],
    sends: NDArray[np.int64],
    group: Group,
) -> list[NDArray[np.int64]]:
    """Of each step the ids that workers ask this one for, worker by worker."""
    ends = np.cumsum(asks, axis=1)
    # The ids for a worker lie together, step by step.
    outgoing = [
        each[end - ask : end]
        for worker in range(group.size)
        for each, end, ask in zip(wanted, ends[:, worker], asks[:, worker], strict=True)
    ]
    received = group.all_to_all(
        torch.from_numpy(np.concatenate(outgoing)),
        asks.sum(axis=0).tolist(),
        sends.sum(axis=0).tolist(),
    ).numpy()
    pieces = np.split(received, np.cumsum(sends.T.ravel())[:-1])
    steps = len(wanted)
    return [np.concatenate(pieces[step::steps]) for step in range(steps)]


def _of_batches(share: Share, group: Group, first: int) -> tuple[list[Tensor], list[Tensor]]:
    """Users and items of whole batches, each worker by worker."""
    own = np.stack((share.user_idx + first, share.item_idx), axis=1)
    per_worker = share.counts.sum(axis=0).tolist()
    pairs = group.gather(torch.from_numpy(own), per_worker)
    of_workers = zip(torch.split(pairs, per_worker), share.counts.T.tolist(), strict=True)
    blocks = [torch.split(rows, counts) for rows, counts in of_workers]
    batches = [torch.cat(step) for step in zip(*blocks, strict=True)]
    return [batch[:, 0] for batch in batches], [batch[:, 1] for batch in batches]


def _reaches(
    share: Share, wanted: list[NDArray[np.int64]], group: Group, first: int
) -> list[Reach]:
    """Of each step the users of all pairs and the items that workers ask for, worker by worker."""
    asks = torch.tensor([[len(each) for each in wanted]])
    items = group.gather(asks, [1] * group.size).numpy().T  # (s, W)
    sizes = np.stack((share.counts, items), axis=2)  # (s, W, 2)
    counts = sizes.sum(axis=2)
    own = [
        part
        for step, asked in enumerate(wanted)
        for part in (share.user_idx[share.pairs_of(step)] + first, asked)
    ]
    ids = torch.from_numpy(np.concatenate(own).astype(np.int64))
    per_worker = counts.sum(axis=0).tolist()
    of_workers = zip(
        torch.split(group.gather(ids, per_worker), per_worker), counts.T.tolist(), strict=True
    )
    steps = zip(*(torch.split(rows, of_steps) for rows, of_steps in of_workers), strict=True)
    return [
        Reach(
            torch.cat(step).numpy(),
            np.repeat(np.tile([True, False], group.size), sizes[at].ravel()),
            counts[at].tolist(),
        )
        for at, step in enumerate(steps)
    ]
