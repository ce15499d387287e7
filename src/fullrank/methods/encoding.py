"""The encoders and views of the methods, from their settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from fullrank.data.graph import BipartiteGraph
from fullrank.data.interactions import Interactions
from fullrank.encoders import (
    MF,
    Encoder,
    FactoredLightGCN,
    LightGCN,
    SpectralEncoder,
    TensorBatch,
    WholeItems,
    smooth_vectors,
    truncated_svd,
    uniform_table,
)
from fullrank.encoders.lightgcn import Views
from fullrank.encoders.propagation import Hops, Pair, propagated
from fullrank.errors import SettingError
from fullrank.methods.settings import (
    ENMFSettings,
    GDESettings,
    LightGCLSettings,
    SGLSettings,
    TrainedSettings,
)


def initial_tables(
    settings: TrainedSettings, data: Interactions, generator: torch.Generator, device: str
) -> Pair:
    """The initial rows of a seed on some data, the same for every method on free rows."""
    users, items = (
        uniform_table(n, settings.dim, generator, settings.init_dim).to(device)
        for n in (data.n_users, data.n_items)
    )
    return users, items


def encoder_of(
    settings: Any,
    data: Interactions,
    generator: torch.Generator,
    device: str,
    views: Views | None = None,
) -> Encoder:
    """Free rows, or LightGCN, as the settings say."""
    tables = initial_tables(settings, data, generator, device)
    if settings.encoder == "mf":
        return MF(*tables)
    if settings.propagation == "factored":
        graph = BipartiteGraph.of(data)
        most = min(graph.user_item.shape)
        if settings.rank > most:
            raise SettingError("setting rank", str(settings.rank), f"at most {most}")
        svd = truncated_svd(graph.user_item, settings.rank, settings.seed)
        hops = Hops(graph, device)
        return FactoredLightGCN(*tables, hops, svd, settings.layers, settings.average_layers)
    return LightGCN(
        *tables,
        data,
        settings.layers,
        average=settings.average_layers,
        drop=settings.drop_edges,
        view_drop=getattr(settings, "view_drop", 0.0),
        dropped_graphs=2 if isinstance(settings, SGLSettings) else 0,
        views=views,
    )


def whole_items(
    settings: ENMFSettings, data: Interactions, generator: torch.Generator, device: str
) -> Encoder:
    """ENMF's: h starts at one, so that scores start as inner products."""
    users, items = initial_tables(settings, data, generator, device)
    weight = torch.ones(settings.dim, device=device)
    return WholeItems(users, items, weight, data, settings.keep)


def spectral(
    settings: GDESettings, data: Interactions, generator: torch.Generator, device: str
) -> Encoder:
    """GDE's, on the eigenvectors of ``R̃ R̃ᵀ`` and ``R̃ᵀ R̃``.

    Raises:
        SettingError: there are not as many eigenvectors.
    """
    graph = BipartiteGraph.of(data)
    most = min(graph.user_item.shape)
    if settings.low + settings.high > most:
        found = f"{settings.low} + {settings.high}"
        raise SettingError("settings low and high", found, f"at most the {most} that there are")
    bases, weights = [], []
    tables = initial_tables(settings, data, generator, "cpu")
    for block, table in zip((graph.user_item, graph.item_user), tables, strict=True):
        pairs = smooth_vectors(block, settings.low, settings.high, settings.seed)
        # The largest value is 1. Dividing by its e^β changes the unit of E and nothing else.
        strength = torch.exp(settings.beta * (pairs.values - 1))
        weights.append((pairs.vectors.T @ table).to(device))
        bases.append((pairs.vectors * strength).to(device))
    return SpectralEncoder((bases[0], bases[1]), (weights[0], weights[1]))


def two_views(settings: SGLSettings, data: Interactions) -> Views:
    """SGL's: the batch's distinct rows on two graphs with dropped edges."""
    del data

    def views(encoder: LightGCN, batch: TensorBatch, leaves: Pair) -> tuple[Tensor, ...]:
        rows = distinct(batch.user_idx), distinct(batch.item_idx)
        first, second = encoder.view_hops
        users, items = encoder.rows_on(first, leaves, rows)
        if settings.contrast_with == "batch":
            users_again, items_again = encoder.rows_on(second, leaves, rows)
            return users, users_again, items, items_again
        all_users, all_items = encoder.tables_on(second, leaves)
        again = all_users[rows[0]], all_items[rows[1]]
        return users, again[0], items, again[1], all_users, all_items

    return views


def low_rank_view(settings: LightGCLSettings, data: Interactions) -> Views:
    """LightGCL's: hops on the rank-q reconstruction of the graph beside hops on the graph."""
    graph = BipartiteGraph.of(data)
    most = min(graph.user_item.shape)
    if settings.view_rank > most:
        raise SettingError("setting view_rank", str(settings.view_rank), f"at most {most}")
    svd = truncated_svd(graph.user_item, settings.view_rank, settings.seed)

    def views(encoder: LightGCN, batch: TensorBatch, leaves: Pair) -> tuple[Tensor, ...]:
        left, values, right = (part.to(leaves[0].device) for part in svd)
        at_users, at_items = distinct(batch.user_idx), distinct(batch.item_idx)
        below = propagated(encoder.whole, leaves, encoder.layers - 1)
        if settings.contrast_with == "batch":
            all_users, all_items = encoder.rows_on(encoder.whole, leaves, (at_users, at_items))
            users, items = all_users, all_items
        else:
            all_users, all_items = encoder.tables_on(encoder.whole, leaves)
            users, items = all_users[at_users], all_items[at_items]
        low_users = leaves[0][at_users] + (left[at_users] * values) @ (right.T @ below[1])
        low_items = leaves[1][at_items] + (right[at_items] * values) @ (left.T @ below[0])
        return (
            *(low_users, users, all_users),
            *(low_items, items, all_items),
        )

    return views


def distinct(rows: Tensor) -> Tensor:
    """Each row number once, ascending."""
    found: Tensor = torch.unique(rows)
    return found


def normalised(data: Interactions, beta: float) -> sp.csr_array:
    """(n_users, n_items) float64: ``1 / (d_u^β d_i^β)`` for each pair."""
    scales = (
        sp.diags_array(np.maximum(degree, 1.0) ** -beta)
        for degree in (data.user_degree, data.item_degree)
    )
    users, items = scales
    return sp.csr_array(users @ data.csr().astype(np.float64) @ items)
