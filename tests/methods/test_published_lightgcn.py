"""The published step of DirectSpec+ on LightGCN, written out."""

from __future__ import annotations

import math

import naive
import numpy as np
import pytest
import torch
from runs import choice_of, parameters, trainer
from torch import Tensor

from fullrank.methods import build_method
from fullrank.methods.encoding import initial_tables
from fullrank.training import Trainer

SETTINGS = {
    "encoder": "lightgcn",
    "layers": 3,
    "init": "joint",
    "balanced_decay": 0.3,
    "sampler": "users",
    "alpha": 0.8,
    "tau": 3.0,
    "shrink": 0.5,
    "lr": 2.0,
    "batch_size": 24,
    "epochs": 1,
    "distinct": False,
}


def loss_by_hand(pair: Tensor, alpha: float, tau: float, shrink: float, decay: float) -> Tensor:
    """One positive and one norm at a time."""
    gamma = torch.full((pair.shape[1],) * 2, tau, dtype=pair.dtype)
    users, items = (
        [shrink * z.norm() * z for z in naive.direct_spec_plus(unit, gamma, alpha)]
        for unit in (torch.stack([row / row.norm() for row in side]) for side in pair)
    )
    total = torch.zeros((), dtype=pair.dtype)
    for u, v in zip(users, items, strict=True):
        norms = sum(x * x for x in u) + sum(x * x for x in v)
        total = total + torch.log1p(torch.exp(-(u @ v))) + decay * norms
    return total / len(users)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["mf", "lightgcn"])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_steps_are_those_of_the_published_script(tiny, encoder, decay):
    options = SETTINGS | {"encoder": encoder, "balanced_decay": decay}
    run = trainer(tiny, "directspec+", double=True, **options)
    settings, tables = run.settings, parameters(run)
    links = torch.from_numpy(tiny.csr().toarray().astype(np.float64))
    scale = [links.sum(axis).clamp_min(1).rsqrt() for axis in (1, 0)]
    links = scale[0][:, None] * links * scale[1]
    losses = []
    rng = np.random.default_rng([settings.seed, 0])
    for batch in run.plan.sampler.batches(rng, run.plan.sampler.steps(24), 24):
        leaves = {name: table.clone().requires_grad_() for name, table in tables.items()}
        hop = users, items = leaves["user_table"], leaves["item_table"]
        for _ in range(3 if encoder == "lightgcn" else 0):
            hop = links @ hop[1], links.T @ hop[0]
            users, items = users + hop[0], items + hop[1]  # summed and not averaged
        pair = torch.stack((users[batch.user_idx], items[batch.item_idx]))
        loss = loss_by_hand(pair, 0.8, 3.0, 0.5, decay)
        loss.backward()
        tables = {name: (leaf - 2.0 * leaf.grad).detach() for name, leaf in leaves.items()}
        losses.append(loss.item())
    history = run.run().history
    for name, table in parameters(run).items():
        torch.testing.assert_close(table, tables[name], rtol=1e-6, atol=1e-9)
    assert history[0]["loss"] == pytest.approx(np.mean(losses), rel=1e-6)


@pytest.mark.parametrize("method", ["directspec", "directspec+"])
def test_the_penalty_keeps_balanced_rows_short(small, method):
    norms = []
    for decay in (0.0, 0.5):
        values = {"dim": 8, "lr": 1.0, "batch_size": 64, "epochs": 4, "shrink": 1.0}
        values["distinct"] = False
        settings = build_method(method, {**values, "alpha": 0.02, "balanced_decay": decay})
        plan = settings.plan(small.train, "cpu")
        Trainer(plan, settings).run()
        with torch.no_grad():
            pair = torch.stack([table[:100] for table in plan.encoder.tables()])
            norms.append(plan.step.balance.apply(pair, None, None).square().sum().item())
    assert norms[1] < norms[0]


@pytest.mark.parametrize("encoder", ["mf", "lightgcn"])
def test_the_penalty_goes_to_autograd_which_says_why(tiny, encoder):
    choices = []
    for decay in (0.0, 0.01):
        options = {"encoder": encoder, "balanced_decay": decay, "batch_size": 24}
        settings = build_method("directspec+", options)
        choices.append(choice_of(Trainer(settings.plan(tiny, "cpu"), settings)))
    quick = "compiled" if encoder == "mf" else "graph"
    if choices[0].engine.name != "autograd":  # where there are kernels
        assert choices[0].engine.name == quick
        assert choices[1].passed_over[quick] == "the loss has no compiled form"
    assert choices[1].engine.name == "autograd"


@pytest.mark.parametrize("init_dim", [None, 32])
def test_the_joint_bound_counts_users_and_items(small, init_dim):
    data, width = small.train, init_dim or 8
    made = {}
    for init in ("side", "joint"):
        settings = build_method("directspec+", {"dim": 8, "init": init, "init_dim": init_dim})
        made[init] = initial_tables(settings, data, torch.Generator().manual_seed(0), "cpu")
    both = data.n_users + data.n_items
    bound = math.sqrt(6 / (both + width)) * math.sqrt(width / 8)
    for table, alone in zip(made["joint"], made["side"], strict=True):
        assert 0.99 * bound < table.abs().max() <= bound * (1 + 1e-6)
        own = math.sqrt(6 / (len(table) + width)) * math.sqrt(width / 8)
        torch.testing.assert_close(table / bound, alone / own)
