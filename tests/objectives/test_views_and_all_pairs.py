"""Losses beside pairs: contrast of two views, and the squared loss over all pairs."""

from __future__ import annotations

import pytest
import torch
from naive_losses import batch, naive_bpr, naive_info_nce, rows

from fullrank.objectives import enmf, info_nce, lightgcl, sgl


def test_info_nce():
    anchor, positive, others = rows(5, 4), rows(5, 4, seed=1), rows(9, 4, seed=2)
    got = info_nce(anchor, positive, others, 0.3)
    assert got.item() == pytest.approx(naive_info_nce(anchor, positive, others), rel=1e-12)
    leaves = [each.requires_grad_() for each in (anchor, positive, others)]
    assert torch.autograd.gradcheck(lambda a, p, o: info_nce(a, p, o, 0.3), leaves)


def test_info_nce_of_sharp_cosines_is_finite():
    x = rows(5, 4).float().requires_grad_()
    value = info_nce(x, -x, x, 1e-3)
    value.backward()
    assert value.item() == pytest.approx(2000, rel=1e-3)
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("whole", [False, True])
def test_sgl(whole):
    user, item, negative = batch(3)
    views = [rows(n, 4, seed=seed) for n, seed in ((5, 6), (5, 7), (4, 8), (4, 9))]
    everything = [rows(11, 4, seed=10), rows(12, 4, seed=11)]
    below = everything if whole else [views[1], views[3]]
    expected = naive_bpr(user, item, negative) + 0.7 * (
        naive_info_nce(views[0], views[1], below[0]) + naive_info_nce(views[2], views[3], below[1])
    )
    got = sgl(user, item, negative, (*views, *(everything if whole else ())), 0.7, 0.3)
    assert got.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_lightgcl(similarity):
    user, item, negative = batch(3)
    views = tuple(
        rows(n, 4, seed=seed) for n, seed in zip((5, 5, 9, 4, 4, 8), range(6), strict=True)
    )
    expected = naive_bpr(user, item, negative) + 0.7 * (
        naive_info_nce(*views[:3], similarity=similarity)
        + naive_info_nce(*views[3:], similarity=similarity)
    )
    got = lightgcl(user, item, negative, views, 0.7, 0.3, similarity)
    assert got.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("negative_weight", [0.1, 0.5, 1.0])
def test_enmf_is_the_squared_loss_over_all_pairs(negative_weight):
    user, table, weight = rows(3, 4), rows(7, 4, seed=1), rows(4, seed=2)
    observed = {(0, 1), (0, 5), (1, 0), (2, 6), (2, 2)}
    owner, item = (torch.tensor(each) for each in zip(*sorted(observed), strict=True))
    total = 0.0
    for u in range(3):
        for i in range(7):
            score = sum(float(weight[a] * user[u, a] * table[i, a]) for a in range(4))
            seen = (u, i) in observed
            total += (1 - score) ** 2 - 1 if seen else negative_weight * score**2
    got = enmf(user, (table, weight, owner, item), negative_weight)
    assert got.item() == pytest.approx(total / 3, rel=1e-12)
