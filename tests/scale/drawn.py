"""What workers draw, for tests; a module of its own, which spawned processes can import."""

from __future__ import annotations

import itertools

import numpy as np

from fullrank.scale.blocks import bounds
from fullrank.scale.sampling import ShardSampler
from fullrank.scale.sources import InMemory

STEPS, SIZE = 7, 40
OPTIONS = [
    {"rule": rule, "systematic": systematic, "damping": damping, "negatives": n, "shared": shared}
    for rule, systematic, damping, (n, shared) in itertools.product(
        ("users", "interactions"), (False, True), (0.0, 0.6), ((0, False), (3, False), (4, True))
    )
]


def own_shares(group, ahead, data, options, start, chunk):
    """Batches of global row numbers, as this worker draws its part of them."""
    import fullrank.scale.sampling as module

    before, module.CHUNK = module.CHUNK, chunk  # the process goes on to other tests
    try:
        edges = bounds(data.n_users, group.size)
        block = InMemory.of({"train": data}).block("train", *edges[group.rank : group.rank + 2])
        sampler = ShardSampler(block, ahead, **options)
        found = []
        for share in sampler.shares(np.random.default_rng(5), STEPS, SIZE, start=start):
            assert len(share.item_idx) == share.counts[:, group.rank].sum()
            for step in range(len(share)):
                part = share.pairs_of(step)
                negatives = share.negative_idx
                if negatives is not None:
                    negatives = negatives[step] if options["shared"] else negatives[part]
                users = share.user_idx[part] + block.first
                found.append((users, share.item_idx[part], negatives, share.counts[step]))
    finally:
        module.CHUNK = before
    return found


def all_shares(group, ahead, data, start, chunk):
    return [own_shares(group, ahead, data, options, start, chunk) for options in OPTIONS]
