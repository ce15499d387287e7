from __future__ import annotations

import math

import pytest
import torch

from fullrank.encoders import MF, TensorBatch, uniform_table


@pytest.mark.parametrize("negatives", [0, 2])
def test_updates_are_the_gradients_of_the_tables(negatives):
    generator = torch.Generator().manual_seed(0)
    tables = [torch.randn(n, 3, generator=generator) for n in (5, 7)]
    user_idx, item_idx = torch.tensor([0, 4, 0, 2]), torch.tensor([6, 6, 1, 0])
    negative_idx = torch.randint(7, (4, negatives), generator=generator) if negatives else None
    encoder = MF(*(table.clone() for table in tables))
    batch = TensorBatch(user_idx, item_idx, negative_idx)

    def loss(user, item, negative):
        value = (user * item).sum(1).exp().sum()
        return value if negative is None else value + (negative * user[:, None]).sum().cos()

    rows = encoder.rows(batch)
    loss(rows.pair[0], rows.pair[1], rows.negative).backward()
    plain = [table.clone().requires_grad_() for table in tables]
    picked = None if negative_idx is None else plain[1][negative_idx]
    loss(plain[0][user_idx], plain[1][item_idx], picked).backward()
    for update, leaf in zip(encoder.updates(batch, rows), plain, strict=True):
        dense = torch.zeros_like(leaf).index_add_(0, update.rows, update.grad)
        torch.testing.assert_close(dense, leaf.grad)


def test_initial_rows():
    generator = torch.Generator().manual_seed(0)
    table = uniform_table(2000, 64, generator)
    bound = math.sqrt(6 / (2000 + 64))
    assert table.abs().max() <= bound
    assert table.abs().max() > 0.999 * bound
    assert table.mean().abs() < 0.01 * bound
    wide = uniform_table(2000, 256, generator, width=64)
    ratio = wide.norm(dim=1).mean() / table.norm(dim=1).mean()
    assert ratio.item() == pytest.approx(1, abs=0.01)
