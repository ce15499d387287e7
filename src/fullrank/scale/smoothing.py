"""What factored LightGCN needs of the graph, made once for all the trials of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.memory import check_memory
from fullrank.encoders import Pair, Svd, most_pairs, svd_bytes, truncated_svd
from fullrank.errors import SettingError
from fullrank.methods.base import PairMethod
from fullrank.scale.blocks import bounds
from fullrank.scale.factored import ShardedFactored
from fullrank.scale.group import Group
from fullrank.scale.measuring import Measuring
from fullrank.scale.neighbours import OwnGraph, normalised, propagate_over
from fullrank.scale.sources import Source
from fullrank.training.checkpoint import CheckpointFile, Progress

EDGE_BYTES = 24
"""Of the whole graph while its triplets are sought: R̃ and its transpose, indices and weights."""


@dataclass(eq=False)
class Smoothing:
    """The graph and its singular triplets, in blocks.

    The first worker alone finds the triplets, of the whole graph, as one process does, and hands
    out their rows: they are the same whatever the number of workers. For as long as that takes it
    needs memory for the graph and `svd_bytes`.

    Args:
        measuring: The workers, and the training pairs of own users.
        source: Where the first worker reads the pairs of all users.
        checkpoint: Folder of the run's checkpoints; none if absent. The vectors are kept in it, as
            what is trained refers to them: a run that goes on takes those, not ones that differ by
            a rounding.
        identity: As for `CheckpointFile`.
        resume: Whether the run goes on.
    """

    measuring: Measuring
    source: Source
    checkpoint: str | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)
    resume: bool = False
    _known: dict[tuple[int, int], Svd] = field(default_factory=dict)

    def encoder(self, method: PairMethod, tables: Pair) -> ShardedFactored:
        """LightGCN in its factored form, from own rows of the initial tables.

        Raises:
            SettingError: there are fewer singular pairs than ``rank``, or no memory for them.
        """
        scale = 1 / (method.layers + 1) if method.average_layers else 1.0
        edges = self.measuring.edges
        users, items = propagate_over(self.graph, tables, method.layers, edges, self.group)
        svd = self.vectors(method.rank, method.seed)
        started = users * scale, items * scale
        return ShardedFactored(started, self.group, self.graph, svd, method.layers, scale)

    @property
    def group(self) -> Group:
        """The workers."""
        return self.measuring.group

    @cached_property
    def graph(self) -> OwnGraph:
        """Edges of own rows."""
        measuring = self.measuring
        block = measuring.blocks["train"]
        return OwnGraph.of(block, measuring.item_degree, measuring.edges, self.group)

    def vectors(self, rank: int, seed: int) -> Svd:
        """The leading singular values, and own rows of their vectors.

        Raises:
            SettingError: see `encoder`.
        """
        sizes = self.source.sizes
        most = most_pairs((sizes.users, sizes.items))
        if rank > most:
            raise SettingError("setting rank", str(rank), f"at most {most}")
        if (rank, seed) not in self._known:
            found = self._found(rank, seed) if self.group.rank == 0 else None
            edges = bounds(sizes.users, self.group.size), self.measuring.edges
            users = self._cut(None if found is None else found.users, edges[0], rank)
            items = self._cut(None if found is None else found.items, edges[1], rank)
            values = torch.zeros(rank) if found is None else found.values
            values = self.group.all_reduce(values.to(self.group.device)).cpu()
            self._known = {(rank, seed): Svd(users, values, items)}  # one is kept: they are large
        return self._known[rank, seed]

    def _found(self, rank: int, seed: int) -> Svd:
        """The triplets of the whole graph; those that the run began with, if it goes on."""
        kept = None
        if self.checkpoint is not None:
            path = Path(self.checkpoint, "vectors", f"{rank}-{seed}.safetensors")
            kept = CheckpointFile(path, dict(self.identity))
            if self.resume and kept.exists():
                tensors, _ = kept.load()
                return Svd(tensors["users"], tensors["values"], tensors["items"])
        sizes = self.source.sizes
        needed = svd_bytes((sizes.users, sizes.items), rank) + EDGE_BYTES * sizes.pairs
        what = f"{rank:,} singular vectors of {sizes.users:,} × {sizes.items:,} rows"
        check_memory("setting rank", needed, what)
        whole = normalised(self.source.block("train", 0, sizes.users), self.measuring.item_degree)
        found = truncated_svd(whole, rank, seed)
        if kept is not None:
            kept.save(found._asdict(), Progress())
        return found

    def _cut(self, whole: Tensor | None, edges: NDArray[np.int64], rank: int) -> Tensor:
        """Own rows of what the first worker has."""
        group, counts = self.group, np.diff(edges).tolist()
        nothing = [0] * (group.size - 1)
        if whole is None:
            whole, sends = torch.zeros(0, rank), [0] * group.size
        else:
            sends = counts
        receives = [counts[group.rank], *nothing]
        return group.all_to_all(whole.to(group.device), sends, receives)
