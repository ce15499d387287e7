"""Adam of the rows of a batch, against torch's Adam of whole tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from runs import in_torch, loss_by_hand, parameters, trainer

from fullrank.training.missed import MissedSteps
from fullrank.training.optim import DenseAdam, optimizer

LR, ROWS, DIM, DRAWN = 0.01, 40, 6, 5


def beside_torch(scale, steps=50, name="dense-adam", spread=0.0, epoch=None):
    """The largest difference, in learning rates, of rows as they are read and of all at the end.

    Args:
        scale: Of the gradients.
        steps: How many.
        name: Our rule.
        spread: Orders of magnitude (one deviation) by which the gradients' elements differ.
        epoch: Steps after which all rows are caught up and the rate falls by a third.
    """
    generator = torch.Generator().manual_seed(0)

    def randn(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    table, lr = randn(ROWS, DIM), LR
    theirs = table.clone().requires_grad_()
    reference, ours, worst = torch.optim.Adam([theirs], lr=lr), optimizer(name), 0.0
    for step in range(steps):
        if epoch and step and step % epoch == 0:
            ours.catch_up("x", table, None, lr)
            lr *= 2 / 3
            reference.param_groups[0]["lr"] = lr
        rows = torch.randint(ROWS, (DRAWN,), generator=generator)
        grad = scale * 10 ** (spread * randn(DRAWN, DIM)) * randn(DRAWN, DIM)
        ours.catch_up("x", table, rows, lr)
        worst = max(worst, (table - theirs.detach())[rows].abs().max().item())
        ours.step("x", table, rows, grad, lr)
        theirs.grad = torch.zeros_like(table).index_add_(0, rows, grad)
        reference.step()
    ours.catch_up("x", table, None, lr)
    return max(worst, (table - theirs.detach()).abs().max().item()) / LR


@pytest.mark.slow
def test_it_is_torchs_adam_of_whole_tables():
    assert beside_torch(1.0) < 1e-6
    assert beside_torch(1.0, 700, epoch=100) < 1e-6
    assert beside_torch(1.0, name="adam") > 1  # which is another rule


@pytest.mark.parametrize("scale", [1e-4, 1e-6, 1e-8, 1e-10, 1e-12])
def test_where_epsilon_counts_it_is_near(scale):
    """By ε of the denominators' size the rows move up to 16 learning rates here."""
    assert beside_torch(scale, spread=1.0) < 4e-3


@pytest.mark.slow
def test_without_epsilon_it_is_exact():
    ours, table = DenseAdam(eps=1e-30), torch.ones(2, 1, dtype=torch.float64)
    theirs = table.clone().requires_grad_()
    reference = torch.optim.Adam([theirs], lr=LR, eps=1e-30)
    for step in range(3000):  # the second row is drawn once
        rows = torch.tensor([0, 1] if step == 5 else [0])
        grad = torch.full((len(rows), 1), 1e-6 + step % 3, dtype=torch.float64)
        ours.step("x", table, rows, grad, LR)
        theirs.grad = torch.zeros_like(table).index_add_(0, rows, grad)
        reference.step()
    ours.catch_up("x", table, None, LR)
    torch.testing.assert_close(table, theirs.detach(), rtol=0, atol=1e-12)
    mean, square, last, clock = ours.prepared("x", table).values()
    state = reference.state[theirs]
    torch.testing.assert_close(mean, state["exp_avg"], rtol=1e-10, atol=0)
    torch.testing.assert_close(square, state["exp_avg_sq"], rtol=1e-10, atol=0)
    assert last.tolist() == [[3000], [3000]]
    assert clock.item() == 3000


@pytest.mark.parametrize("t", [1, 2, 10, 300, 50_000])
@pytest.mark.parametrize("missed", [1, 2, 7, 60, 5000])
def test_two_nodes_stand_for_the_sum_over_missed_steps(t, missed):
    weights, factors = MissedSteps(0.9, 0.999).nodes(torch.tensor([[t]]), t + missed)
    for root in (1.0, 1e-6, 1e-8, 1e-10):
        expected = 0.0
        for k in range(1, missed + 1):
            first, second = 1 - 0.9 ** (t + k), 1 - 0.999 ** (t + k)
            expected += 0.9**k / first / (root * math.sqrt(0.999**k / second) + 1e-8)
        found = sum(
            (weight / (root + 1e-8 * factor)).item()
            for weight, factor in zip(weights, factors, strict=True)
        )
        far = root < 1e-9 and t < 300  # the bias corrections of the first steps spread the factors
        assert found == pytest.approx(expected, rel=3e-2 if far else 1e-5)


def test_betas_without_an_end_are_refused():
    with pytest.raises(ValueError, match=r"found 0\.9 and 0\.9; expected 0 < beta1 < beta2² < 1"):
        DenseAdam(0.9, 0.9)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("bpr", {"negatives": 2}),
        ("directspec+", {"tau_design": "attention"}),
        ("bpr", {"encoder": "lightgcn", "layers": 2}),
    ],
)
def test_training_is_that_of_torchs_adam(tiny, method, options):
    """Three steps an epoch, three epochs whose learning rates fall."""
    options = {"batch_size": 6, "epochs": 3, "lr": 0.01, "lr_decay": 0.5, "dim": 4} | options
    run = trainer(tiny, method, double=True, optimizer="dense-adam", **options)
    run.plan = in_torch(run.plan)
    run.steps = 3
    leaves = {name: each.requires_grad_() for name, each in parameters(run).items()}
    reference = torch.optim.Adam(leaves.values(), lr=0.01)
    for epoch in range(3):
        reference.param_groups[0]["lr"] = 0.01 * 0.5**epoch
        rng = np.random.default_rng([run.settings.seed, epoch])
        for batch in run.plan.sampler.batches(rng, 3, 6):
            tables = leaves["user_table"], leaves["item_table"]
            if "encoder" in options:
                encoder = run.plan.encoder
                tables = encoder.tables_on(encoder.whole, tables)
            user, item = tables[0][batch.user_idx], tables[1][batch.item_idx]
            negative = None if batch.negative_idx is None else tables[1][batch.negative_idx]
            reference.zero_grad(set_to_none=False)
            weight = leaves.get("tau.weight")
            loss = loss_by_hand(method, run.settings, tiny, batch, user, item, negative, weight)
            loss.backward()
            reference.step()
    run.run()
    for name, table in parameters(run).items():
        torch.testing.assert_close(table, leaves[name].detach(), rtol=0, atol=2e-5)
