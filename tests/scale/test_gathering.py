"""Rows of other workers carry gradients, and these are summed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tasks import gradients

from fullrank.scale.group import Group

COUNTS = {1: [7], 2: [5, 2], 3: [3, 0, 4]}


def loss_of(own, every):
    """Of some rows against all rows: a worker's part of the loss of a batch."""
    return (own @ every.T).exp().sum(dim=1).log().sum()


def reference(seed=0):
    """Gradient of the whole loss with respect to all rows, by autograd on one table."""
    rows = torch.randn(7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    rows.requires_grad_()
    (grad,) = torch.autograd.grad(loss_of(rows, rows), rows)
    return rows.detach(), grad.numpy()


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_a_gathered_row_gets_the_sum_of_the_gradients_of_all_workers(name, request):
    rows, wanted = reference()
    size = ["one", "two", "three"].index(name) + 1
    if size == 1:
        found = [gradients(Group(), Group(), rows, COUNTS[1], "")]
    else:
        found = request.getfixturevalue(name).run(gradients, rows, COUNTS[size], "")
    np.testing.assert_allclose(np.concatenate(found), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("fault", ["none", "own", "mean"])
def test_the_classic_faults_are_seen(two, fault):
    """Gathered rows without a gradient, with that of their own worker alone, or with the mean."""
    rows, wanted = reference()
    found = np.concatenate(two.run(gradients, rows, COUNTS[2], fault))
    assert np.abs(found - wanted).max() > 1e-3


def test_a_sum_over_workers_carries_the_gradients_of_all(two):
    from tasks import gradient_of_sum

    # L = Σ_w w_w · (Σ_v x_v)², so dL/dx_v = 2 Σ_w w_w · Σ_v x_v for every v.
    assert two.run(gradient_of_sum) == [[2 * 3.0 * 5.0], [2 * 3.0 * 5.0]]
