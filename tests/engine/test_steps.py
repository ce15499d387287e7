"""What a step does to the parameters, against plain gradient descent on dense tables in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from runs import in_torch, loss_by_hand, parameters, trainer

from fullrank.methods import METHODS, TrainedMethod


def on_graph(method):
    return method.model_dump().get("encoder") == "lightgcn"


COMPILED = [
    name
    for name, row in METHODS.items()
    if issubclass(row, TrainedMethod) and row().build_loss().kernel and not on_graph(row())
]
"""Those on free rows; tests/native has them on LightGCN."""
VARIANTS = [(method, {}) for method in COMPILED if method != "ccl"] + [
    ("ccl", {"negatives": 3, "margin": -0.2, "weight": 5.0}),
    ("ccl", {"negatives": 3, "margin": -0.2, "weight": 5.0, "dropout": 0.3}),
    ("ccl", {"negatives": 20, "margin": -0.2, "weight": 5.0, "shared_negatives": True}),
    ("directspec", {"shrink": 0.5, "alpha": 0.01}),
    ("directspec+", {"shrink": 0.5, "alpha": 0.7}),
    ("directspec+", {"tau_design": "graph", "tau_near": 1.0, "tau": 4.0, "sampler": "users"}),
    ("directspec+", {"tau_design": "attention", "tau": 2.0}),
    ("directspec", {"shrink": 0.5, "alpha": 0.01, "distinct": True}),
    ("directspec+", {"shrink": 0.5, "alpha": 0.7, "distinct": True}),
    ("directspec+", {"tau_design": "graph", "tau_near": 1.0, "tau": 4.0, "distinct": True}),
    ("directspec+", {"tau_design": "attention", "tau": 2.0, "distinct": True}),
    ("bpr", {"negatives": 3}),
    ("bce", {"negatives": 3, "sampler": "users"}),
]


@pytest.mark.filterwarnings("ignore:DirectSpec")
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize(("method", "options"), VARIANTS)
def test_steps_are_plain_gradient_descent(tiny, method, options, weight_decay):
    """Three steps an epoch, two epochs: gradients that piled up would show from the second on."""
    options = {"batch_size": 48, "epochs": 2, "lr_decay": 0.5, "seed": 3} | options
    run = trainer(tiny, method, double=True, weight_decay=weight_decay, **options)
    settings, tables = run.settings, parameters(run)
    losses = []
    for epoch in range(settings.epochs):
        rng = np.random.default_rng([settings.seed, epoch])
        for batch in run.plan.sampler.batches(rng, 3, settings.batch_size):
            leaves = {name: table.clone().requires_grad_() for name, table in tables.items()}
            user, item = leaves["user_table"][batch.user_idx], leaves["item_table"][batch.item_idx]
            negative = None
            if batch.negative_idx is not None:
                negative = leaves["item_table"][batch.negative_idx]
            weight = leaves.get("tau.weight")
            loss = loss_by_hand(method, settings, tiny, batch, user, item, negative, weight)
            drawn = [user, item]
            if negative is not None:
                each = len(user) / (len(negative) * negative.shape[1])
                drawn.append(negative * each**0.5)  # together they count as much as the pairs
            norms = sum((rows**2).sum() for rows in drawn) / settings.batch_size
            (loss + weight_decay / 2 * norms).backward()
            lr = settings.lr * 0.5**epoch
            tables = {name: (leaf - lr * leaf.grad).detach() for name, leaf in leaves.items()}
            losses.append(loss.item())
    before = parameters(run)
    history = run.run().history
    for name, table in parameters(run).items():
        assert not torch.equal(table, before[name])
        torch.testing.assert_close(table, tables[name], rtol=1e-9, atol=1e-12)
    assert history[0]["loss"] == pytest.approx(np.mean(losses[:3]), rel=1e-9)
    assert history[1]["loss"] == pytest.approx(np.mean(losses[3:]), rel=1e-9)


@pytest.mark.parametrize("method", [*COMPILED, "cl-rec", "euclidean", "directau"])
def test_rows_that_are_not_drawn_keep_every_bit(small, method):
    data = small.train.select(np.arange(40))
    run = trainer(data, method, batch_size=8, epochs=1, weight_decay=0.1)
    before = parameters(run)
    batches = list(run.plan.sampler.batches(np.random.default_rng([0, 0]), 5, 8))
    items = [batch.item_idx for batch in batches]
    items += [b.negative_idx.ravel() for b in batches if b.negative_idx is not None]
    drawn = {
        "user_table": np.concatenate([batch.user_idx for batch in batches]),
        "item_table": np.concatenate(items),
    }
    run.run()
    for name, table in parameters(run).items():
        moved = (table != before[name]).any(dim=1).nonzero()[:, 0]
        assert set(moved.tolist()) == set(drawn[name].tolist())


@pytest.mark.slow
def test_learned_tau_has_no_gradient_left(small):
    run = trainer(small.train, tau_design="attention")
    run.run()
    assert run.plan.step.balance.learned.tau.weight.grad is None


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("method", ["ccl", "directspec+"])
def test_rows_of_no_length_do_not_explode(small, method, compiled):
    run = trainer(small.train, method, epochs=1, lr=0.01)
    if not compiled:
        run.plan = in_torch(run.plan)
    items = run.plan.encoder.tables()[1]
    items[: len(items) // 2] *= 1e-18
    run.run()
    assert items.abs().max() < 100
