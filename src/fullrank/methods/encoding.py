"""Encoders from settings: initial rows, LightGCN exact and factored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from fullrank.data.graph import BipartiteGraph
from fullrank.data.interactions import Interactions
from fullrank.encoders import (
    Encoder,
    FactoredLightGCN,
    LightGCN,
    Pair,
    truncated_svd,
    uniform_table,
)
from fullrank.encoders.lightgcn import Views
from fullrank.encoders.propagation import Hops
from fullrank.errors import SettingError

if TYPE_CHECKING:
    from fullrank.methods.base import PairMethod, TrainedMethod


def initial_tables(
    method: TrainedMethod, data: Interactions, generator: torch.Generator, device: str
) -> Pair:
    """Draws the initial user and item tables.

    They depend on seed, width and sizes of the data: all methods on free rows start alike.
    """
    counted = data.n_users + data.n_items if method.init == "joint" else None
    users, items = (
        uniform_table(n, method.dim, generator, method.init_dim, counted).to(device)
        for n in (data.n_users, data.n_items)
    )
    return users, items


def lightgcn(
    method: PairMethod,
    tables: Pair,
    data: Interactions,
    *,
    view_drops: Sequence[float] = (),
    views: Views | None = None,
) -> Encoder:
    """LightGCN, with the graphs and views that a method compares."""
    return LightGCN(
        *tables,
        data,
        method.layers,
        average=method.average_layers,
        drop=method.drop_edges,
        view_drops=view_drops,
        views=views,
    )


def factored(method: PairMethod, tables: Pair, data: Interactions, device: str) -> Encoder:
    """LightGCN without propagation while training.

    Raises:
        SettingError: there are fewer singular pairs than ``rank``.
    """
    graph = BipartiteGraph.of(data)
    check_rank("rank", method.rank, graph)
    svd = truncated_svd(graph.user_item, method.rank, method.seed)
    hops = Hops(graph, device)
    return FactoredLightGCN(*tables, hops, svd, method.layers, method.average_layers)


def check_rank(name: str, rank: int, graph: BipartiteGraph) -> None:
    """Sees that a graph has as many singular pairs.

    Raises:
        SettingError: it has not.
    """
    most = min(graph.user_item.shape)
    if rank > most:
        raise SettingError(f"setting {name}", str(rank), f"at most {most}")
