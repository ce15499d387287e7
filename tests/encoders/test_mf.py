from __future__ import annotations

import math

import pytest
import torch

from fullrank.encoders import MF, TensorBatch, uniform_table


def encoder_and_batch(negatives: int) -> tuple[MF, TensorBatch]:
    """Five users, seven items; rows that appear several times, on each side and across both."""
    generator = torch.Generator().manual_seed(0)
    tables = [torch.randn(n, 3, generator=generator, dtype=torch.float64) for n in (5, 7)]
    negative_idx = torch.tensor([[6, 2], [2, 2], [0, 1], [3, 6]])[:, :negatives]
    return MF(*tables), TensorBatch(
        torch.tensor([0, 4, 0, 2]), torch.tensor([6, 6, 1, 0]), negative_idx if negatives else None
    )


def loss(user, item, negative):
    value = (user * item).sum(1).exp().sum()
    return value if negative is None else value + (negative * user[:, None]).sum(2).cos().sum()


@pytest.mark.parametrize("negatives", [0, 1, 2])
def test_rows_are_those_of_the_tables(negatives):
    encoder, batch = encoder_and_batch(negatives)
    rows = encoder.rows(batch)
    assert torch.equal(rows.pair[0], encoder.user_table[batch.user_idx])
    assert torch.equal(rows.pair[1], encoder.item_table[batch.item_idx])
    assert rows.pair.is_leaf
    assert rows.pair.requires_grad
    if negatives:
        assert torch.equal(rows.negative, encoder.item_table[batch.negative_idx])
        assert rows.negative.is_leaf
        assert rows.negative.requires_grad
    else:
        assert rows.negative is None


@pytest.mark.parametrize("negatives", [0, 1, 2])
def test_updates_are_the_gradients_of_the_tables(negatives):
    encoder, batch = encoder_and_batch(negatives)
    before = [table.clone() for table in encoder.tables()]
    rows = encoder.rows(batch)
    loss(rows.pair[0], rows.pair[1], rows.negative).backward()
    user_table, item_table = plain = [table.clone().requires_grad_() for table in before]
    picked = None if batch.negative_idx is None else item_table[batch.negative_idx]
    loss(user_table[batch.user_idx], item_table[batch.item_idx], picked).backward()
    updates = encoder.updates(batch, rows, 0.0)
    assert [update.name for update in updates] == list(encoder.parameters)
    for update, leaf, table, old in zip(updates, plain, encoder.tables(), before, strict=True):
        dense = torch.zeros_like(leaf).index_add_(0, update.rows, update.grad)
        torch.testing.assert_close(dense, leaf.grad, rtol=0, atol=1e-14)
        assert torch.equal(table, old)
        assert not table.requires_grad


def test_without_a_gradient_there_is_nothing_to_update():
    encoder, batch = encoder_and_batch(0)
    assert encoder.updates(batch, encoder.rows(batch), 0.0) == []


def test_negatives_that_the_objective_ignores_are_a_mistake():
    encoder, batch = encoder_and_batch(2)
    rows = encoder.rows(batch)
    loss(rows.pair[0], rows.pair[1], None).backward()
    with pytest.raises(RuntimeError, match="the objective did not use them"):
        encoder.updates(batch, rows, 0.0)


def test_it_ranks_with_the_raw_tables():
    encoder, _ = encoder_and_batch(0)
    assert encoder.tables() == (encoder.user_table, encoder.item_table)
    assert list(encoder.parameters) == ["user_table", "item_table"]
    for table, parameter in zip(encoder.tables(), encoder.parameters.values(), strict=True):
        assert table is parameter


@pytest.mark.parametrize(("n", "dim"), [(2000, 64), (50, 200)])
def test_initial_rows_are_uniform_within_their_bound(n, dim):
    table = uniform_table(n, dim, torch.Generator().manual_seed(0))
    bound = math.sqrt(6 / (n + dim))
    assert table.shape == (n, dim)
    assert table.dtype == torch.float32
    assert 0.999 * bound < table.abs().max() <= bound * (1 + 1e-6)
    assert abs(table.mean()) < 0.01 * bound * math.sqrt(1e5 / table.numel())
    assert table.std() == pytest.approx(bound / math.sqrt(3), rel=0.02)


def test_initial_rows_come_from_the_generator_alone():
    first, again, other = (
        uniform_table(9, 4, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("dim", [32, 128, 256])
def test_initial_rows_keep_the_norm_that_they_have_at_another_width(dim):
    at_64 = uniform_table(2000, 64, torch.Generator().manual_seed(0))
    table = uniform_table(2000, dim, torch.Generator().manual_seed(1), width=64)
    assert table.shape == (2000, dim)
    bound = math.sqrt(6 / (2000 + 64)) * math.sqrt(64 / dim)
    assert 0.999 * bound < table.abs().max() <= bound * (1 + 1e-6)
    norms = [each.square().sum(1).mean().sqrt().item() for each in (table, at_64)]
    assert norms[0] == pytest.approx(norms[1], rel=0.01)
