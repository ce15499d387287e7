"""What SGL and LightGCL contrast, against their formulas on dense matrices, a pair at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fullrank.encoders import TensorBatch
from fullrank.methods import build_method
from fullrank.objectives import bpr

USERS, ITEMS = [5, 9, 5, 30], [3, 3, 8, 60]
NEGATIVES = [[7], [3], [90], [8]]


def prepared(data, method, **options):
    """A plan with its first epoch's graphs, a batch with repeats, and the dense graph."""
    settings = build_method(method, {"dim": 6, "layers": 2, "contrast": 0.7, **options})
    plan = settings.plan(data, "cpu")
    plan.encoder.start_epoch(np.random.default_rng(0))
    batch = TensorBatch(*(torch.tensor(each) for each in (USERS, ITEMS, NEGATIVES)))
    links = torch.from_numpy(data.csr().toarray().astype(np.float64))
    scale = [links.sum(axis).clamp_min(1).rsqrt() for axis in (1, 0)]
    return settings, plan, batch, scale[0][:, None] * links * scale[1]


def loss_of(plan, batch):
    """The loss of a batch, and the part of it that is BPR."""
    rows = plan.encoder.rows(batch)
    with torch.no_grad():
        return plan.step.loss.function(rows).item(), bpr(*rows.pair, rows.negative).item()


def nce(anchor, positive, others, at, below, temperature):
    """The mean of ``-ln exp(cos(a, p) / t) / sum exp(cos(a, o) / t)`` over rows ``at``."""

    def like(a, b):
        norms = float(a.norm() * b.norm())  # a row without links has no length past layer 0
        return math.exp(float(a @ b) / norms / temperature) if norms else 1.0

    total = 0.0
    for row in at:
        ours = sum(like(anchor[row], others[other]) for other in below)
        total -= math.log(like(anchor[row], positive[row]) / ours)
    return total / len(at)


@pytest.mark.parametrize("contrast_with", ["batch", "all"])
@pytest.mark.parametrize("negatives", [False, True])
@pytest.mark.parametrize("layers", ["sum", "each"])
def test_lightgcl_by_hand(small, contrast_with, negatives, layers):
    options = {"view_rank": 4, "temperature": 0.5, "contrast_layers": layers}
    options |= {"contrast_with": contrast_with, "contrast_negatives": negatives}
    _, plan, batch, links = prepared(small.train, "lightgcl", **options)
    left, values, right = np.linalg.svd(links.numpy())
    low = torch.from_numpy((left[:, :4] * values[:4]) @ right[:4])
    users, items = (table.double() for table in plan.encoder.parameters.values())
    graph, view = [(users, items)], [(users, items)]
    for _ in range(2):
        users, items = graph[-1]
        graph.append((links @ items, links.T @ users))
        view.append((low @ items, low.T @ users))
    if layers == "sum":
        graph, view = ([tuple(map(sum, zip(*each, strict=True)))] for each in (graph, view))
    else:
        graph, view = graph[1:], view[1:]
    at = sorted(set(USERS)), sorted({*ITEMS, *(each[0] for each in NEGATIVES if negatives)})
    expected = 0.0
    for through, low_rank in zip(graph, view, strict=True):
        for side in range(2):
            below = at[side] if contrast_with == "batch" else range(len(through[side]))
            expected += nce(low_rank[side], through[side], through[side], at[side], below, 0.5)
    whole, pairs = loss_of(plan, batch)
    assert whole - pairs == pytest.approx(0.7 * expected, rel=1e-4)


@pytest.mark.parametrize("rows", ["distinct", "drawn"])
@pytest.mark.parametrize("contrast_with", ["batch", "all"])
def test_sgl_by_hand(small, rows, contrast_with):
    options = {"temperature": 0.4, "contrast_rows": rows, "contrast_with": contrast_with}
    _, plan, batch, _ = prepared(small.train, "sgl-ed", **options)
    leaves = tuple(plan.encoder.parameters.values())
    first, second = (
        [table.double() for table in plan.encoder.tables_on(hops, leaves)]
        for hops in plan.encoder.view_hops
    )
    drawn = USERS, ITEMS
    at = drawn if rows == "drawn" else (sorted(set(USERS)), sorted(set(ITEMS)))
    expected = 0.0
    for side in range(2):
        below = at[side] if contrast_with == "batch" else range(len(second[side]))
        expected += nce(first[side], second[side], second[side], at[side], below, 0.4)
    whole, pairs = loss_of(plan, batch)
    assert whole - pairs == pytest.approx(0.7 * expected, rel=1e-4)
