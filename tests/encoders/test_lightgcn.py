"""LightGCN against the dense (I + Â + … + Â^K) E and its gradient by autograd, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fullrank.data.graph import BipartiteGraph
from fullrank.encoders import LightGCN, TensorBatch
from fullrank.encoders.propagation import Hops, propagated
from fullrank.methods import build_method
from fullrank.training import Trainer


def dense_adjacency(graph):
    block = torch.from_numpy(graph.user_item.toarray()).double()
    n, m = block.shape
    whole = torch.zeros(n + m, n + m, dtype=torch.float64)
    whole[:n, n:], whole[n:, :n] = block, block.T
    return whole


def dense_rows(graph, users, items, layers, scale):
    adjacency, table = dense_adjacency(graph), torch.cat((users, items))
    total = table
    for _ in range(layers):
        total = table + adjacency @ total
    return scale * total[: len(users)], scale * total[len(users) :]


def test_the_adjacency_is_normalised(small):
    graph = BipartiteGraph.of(small.train)
    dense = graph.user_item.toarray()
    for user, item in zip(small.train.user_idx[:50], small.train.item_idx[:50], strict=True):
        degrees = small.train.user_degree[user] * small.train.item_degree[item]
        assert dense[user, item] == pytest.approx(degrees**-0.5)
    assert graph.n_edges == len(small.train)
    assert (graph.item_user.toarray() == dense.T).all()
    largest = np.linalg.eigvalsh(dense_adjacency(graph).numpy())[-1]
    assert largest == pytest.approx(1)


def test_dropped_edges_leave_a_graph_with_degrees_of_its_own(small):
    kept = np.arange(len(small.train)) % 3 > 0
    graph = BipartiteGraph.of(small.train, kept)
    alone = BipartiteGraph.of(small.train.select(kept))
    assert graph.n_edges == kept.sum()
    assert (graph.user_item.toarray() == alone.user_item.toarray()).all()


def made(data, layers, average, dtype, dim=24, seed=0):
    generator = torch.Generator().manual_seed(seed)
    tables = [
        torch.randn(n, dim, generator=generator, dtype=torch.float64).to(dtype)
        for n in (data.n_users, data.n_items)
    ]
    return LightGCN(*tables, data, layers, average=average)


def drawn(data, negatives, seed=0):
    rng = np.random.default_rng(seed)
    cells = rng.integers(len(data), size=40)
    idx = [
        torch.from_numpy(rows[cells].astype(np.int64)) for rows in (data.user_idx, data.item_idx)
    ]
    negative = torch.from_numpy(rng.integers(data.n_items, size=(40, negatives)))
    return TensorBatch(*idx, negative if negatives else None)


@pytest.mark.parametrize("negatives", [0, 2, 4])  # 4: more rows than there are items
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
def test_rows_and_gradients_are_those_of_the_dense_product(
    small, layers, average, negatives, dtype, tolerance
):
    """float64 takes torch's products, float32 the compiled ones where there are any."""
    encoder, batch = made(small.train, layers, average, dtype), drawn(small.train, negatives)
    scale = 1 / (layers + 1) if average else 1.0
    leaves = [t.double().requires_grad_() for t in (encoder.user_table, encoder.item_table)]
    users, items = dense_rows(encoder.whole.graph, *leaves, layers, scale)

    def loss(user, item, negative):
        value = (user * item).sum(1).sigmoid().sum()
        return value if negative is None else value + (negative * user[:, None]).sum(2).cos().sum()

    rows = encoder.rows(batch)
    expected = None if batch.negative_idx is None else items[batch.negative_idx]
    close = {"rtol": tolerance, "atol": tolerance}
    by_hand = torch.stack((users[batch.user_idx], items[batch.item_idx]))
    torch.testing.assert_close(rows.pair.double(), by_hand, **close)
    loss(rows.pair[0], rows.pair[1], rows.negative).backward()
    loss(users[batch.user_idx], items[batch.item_idx], expected).backward()
    for update, leaf in zip(encoder.updates(batch, rows, 0.0), leaves, strict=True):
        torch.testing.assert_close(update.grad.double(), leaf.grad, **close)
    for table, whole in zip(encoder.tables(), (users, items), strict=True):
        torch.testing.assert_close(table.double(), whole.detach(), **close)


def test_whole_tables_have_the_gradient_of_the_dense_product(small):
    hops = Hops(BipartiteGraph.of(small.train))
    generator = torch.Generator().manual_seed(0)
    leaves = tuple(
        torch.randn(n, 3, generator=generator, dtype=torch.float64, requires_grad=True)
        for n in (small.train.n_users, small.train.n_items)
    )
    got = torch.autograd.grad(sum(t.cos().sum() for t in propagated(hops, leaves, 2)), leaves)
    dense = dense_rows(hops.graph, *leaves, 2, 1.0)
    expected = torch.autograd.grad(sum(t.cos().sum() for t in dense), leaves)
    for mine, its in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, its, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dim", [1, 7, 16, 40, 130, 200])
def test_any_width(small, dim):
    encoder, batch = made(small.train, 2, False, torch.float32, dim), drawn(small.train, 0)
    users, items = dense_rows(
        encoder.whole.graph, encoder.user_table.double(), encoder.item_table.double(), 2, 1.0
    )
    pair = encoder.rows(batch).pair.double()
    expected = torch.stack((users[batch.user_idx], items[batch.item_idx]))
    torch.testing.assert_close(pair, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "options"),
    [("directspec+", {}), ("lightgcn", {}), ("lightgcn", {"negatives": 3}), ("directau", {})],
)
def test_training_is_gradient_descent_on_the_raw_tables(small, method, options):
    """Two epochs in float64 against dense autograd; the penalty is on the raw rows of the batch."""
    values = {"encoder": "lightgcn", "optimizer": "sgd", "lr": 0.5, "dim": 8, "batch_size": 64}
    settings = build_method(method, values | options | {"epochs": 2, "weight_decay": 0.3})
    plan = settings.plan(small.train, "cpu")
    encoder = plan.encoder
    encoder.user_table, encoder.item_table = (t.double() for t in encoder.parameters.values())
    tables = [t.clone() for t in encoder.parameters.values()]
    scale = 1 / 4 if settings.average_layers else 1.0
    steps = plan.sampler.steps(64)
    for epoch in range(2):
        rng = np.random.default_rng([settings.seed, epoch])
        for batch in plan.sampler.batches(rng, steps, 64):
            leaves = [table.clone().requires_grad_() for table in tables]
            users, items = dense_rows(encoder.whole.graph, *leaves, 3, scale)
            negative = None if batch.negative_idx is None else items[batch.negative_idx]
            pair = torch.stack((users[batch.user_idx], items[batch.item_idx]))
            rows = encoder.rows(TensorBatch(torch.tensor([0]), torch.tensor([0]), None))
            balance = plan.step.balance
            indices = TensorBatch(*(torch.from_numpy(each) for each in batch[:2]), None)
            balanced = pair if balance is None else balance.apply(pair, batch, indices)
            loss = plan.step.loss.function(rows._replace(pair=balanced, negative=negative))
            raw = [leaves[0][batch.user_idx], leaves[1][batch.item_idx]]
            if negative is not None:  # N of them count as one
                raw.append(leaves[1][batch.negative_idx] / negative.shape[1] ** 0.5)
            (loss + 0.15 * sum((r**2).sum() for r in raw) / 64).backward()
            tables = [(leaf - 0.5 * leaf.grad).detach() for leaf in leaves]
    Trainer(plan, settings).run()
    for mine, its in zip(encoder.parameters.values(), tables, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-9, atol=1e-11)


def test_edges_are_dropped_anew_each_epoch_and_not_for_the_ranking(small):
    encoder = made(small.train, 2, True, torch.float32)
    encoder.drop = 0.5
    before = encoder.tables()
    graphs = []
    for epoch in (0, 1, 0):
        encoder.start_epoch(np.random.default_rng(epoch))
        graphs.append(encoder.hops.graph)
    edges = [graph.n_edges for graph in graphs]
    assert 0.4 * len(small.train) < edges[0] < 0.6 * len(small.train)
    assert (graphs[0].user_item != graphs[1].user_item).nnz
    assert not (graphs[0].user_item != graphs[2].user_item).nnz
    assert all(torch.equal(a, b) for a, b in zip(before, encoder.tables(), strict=True))
