"""Training by the plain path, in float64: what workers are compared with."""

from __future__ import annotations

import numpy as np
import torch

from fullrank.data.graph import BipartiteGraph
from fullrank.encoders import FactoredLightGCN, truncated_svd
from fullrank.encoders.propagation import Hops
from fullrank.engine.autograd import AutogradEngine
from fullrank.methods import build_method
from fullrank.methods.encoding import initial_tables
from fullrank.methods.validating import ranked_tables
from fullrank.training.optim import optimizer


def free_rows(data, name, values):
    """Tables of a method on free rows after its epochs."""
    method = build_method(name, values)
    plan = method.plan(data, "cpu")
    encoder = plan.encoder
    encoder.user_table, encoder.item_table = (
        encoder.user_table.double(),
        encoder.item_table.double(),
    )
    return trained(method, plan, encoder)


def factored(data, name, values):
    """Tables of a method on factored LightGCN after its epochs; and before."""
    method = build_method(name, values)
    plan = method.plan(data, "cpu")
    raw = initial_tables(method, data, torch.Generator().manual_seed(method.seed), "cpu")
    graph = BipartiteGraph.of(data)
    svd = truncated_svd(graph.user_item, method.rank, method.seed)
    users, items = (table.double() for table in raw)
    how = method.layers, method.average_layers
    encoder = FactoredLightGCN(users, items, Hops(graph), svd, *how)
    before = ranked(method, encoder)
    return trained(method, plan, encoder), before


def trained(method, plan, encoder):
    """The tables that an encoder ranks with, after all epochs by autograd."""
    rule = optimizer(method.optimizer)
    engine = AutogradEngine(plan.step, encoder, rule)
    losses = torch.zeros((), dtype=torch.float64)
    for epoch in range(method.epochs):
        rng = np.random.default_rng([method.seed, epoch])
        lr = method.lr * method.lr_decay**epoch
        for chunk in plan.sampler.chunks(
            rng, plan.sampler.steps(method.batch_size), method.batch_size
        ):
            engine.steps(chunk, lr, losses)
        for table, rows in encoder.parameters.items():
            rule.catch_up(table, rows, None, lr)
    return ranked(method, encoder)


def ranked(method, encoder):
    users, items = ranked_tables(method, encoder.tables())
    return users.numpy().copy(), items.numpy().copy()
