"""What is recorded of an epoch, against slow and obvious float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fullrank.lab.watch import (
    Watch,
    rounded,
    sample_pairs,
    scores,
    spectra,
    trained_rows,
)


def naive_effective_rank(table: np.ndarray) -> float:
    values = np.linalg.svd(table.astype(np.float64), compute_uv=False)
    shares = [value / values.sum() for value in values if value > 0]
    return math.exp(-sum(share * math.log(share) for share in shares))


def naive_correlation(table: np.ndarray) -> float:
    rows = [row / np.linalg.norm(row) for row in table.astype(np.float64)]
    return sum(float(u @ v) ** 2 for u in rows for v in rows) / len(rows) ** 2


@pytest.fixture(scope="module")
def tables():
    rng = torch.Generator().manual_seed(0)
    return torch.randn(80, 8, generator=rng), torch.randn(60, 8, generator=rng) + 0.5


def test_spectra_and_correlation_are_those_of_the_definition(tables):
    users, items = (table.numpy() for table in tables)
    record = spectra(*tables)
    whole = np.concatenate((users, items))
    assert record["effective_rank"] == pytest.approx(naive_effective_rank(whole), rel=1e-7)
    assert record["effective_rank_users"] == pytest.approx(naive_effective_rank(users), rel=1e-7)
    assert record["effective_rank_items"] == pytest.approx(naive_effective_rank(items), rel=1e-7)
    values = np.linalg.svd(whole.astype(np.float64), compute_uv=False)
    np.testing.assert_allclose(record["singular_values"], values, rtol=1e-7)
    assert record["correlation_users"] == pytest.approx(naive_correlation(users), rel=1e-6)
    assert record["correlation_items"] == pytest.approx(naive_correlation(items), rel=1e-6)


def test_parallel_rows_have_correlation_one_and_scale_changes_no_spectrum(tables):
    users, items = tables
    assert spectra(torch.ones(9, 4), torch.ones(7, 4))["correlation_users"] == pytest.approx(1.0)
    twice = spectra(2 * users, 2 * items)
    assert twice["effective_rank"] == pytest.approx(spectra(users, items)["effective_rank"])


def test_scores_are_means_over_the_sample(tables):
    users, items = tables
    pairs = torch.tensor([[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    record = scores(users, items, pairs)
    u, v = users.double().numpy(), items.double().numpy()
    for name, slot in (("positive", 1), ("negative", 2)):
        dots = [float(u[row[0]] @ v[row[slot]]) for row in pairs.numpy()]
        cosines = [
            dot / np.linalg.norm(u[row[0]]) / np.linalg.norm(v[row[slot]])
            for dot, row in zip(dots, pairs.numpy(), strict=True)
        ]
        assert record[f"{name}_score"] == pytest.approx(np.mean(dots), rel=1e-6)
        assert record[f"{name}_cosine"] == pytest.approx(np.mean(cosines), rel=1e-6)


def test_sampled_pairs_are_observed_and_not(splits):
    train = splits.named("made", validation=True).train
    observed = set(zip(train.user_idx.tolist(), train.item_idx.tolist(), strict=True))
    pairs = sample_pairs(train, 500, seed=0).tolist()
    assert len(pairs) > 400
    assert all((user, positive) in observed for user, positive, _ in pairs)
    assert not any((user, negative) in observed for user, _, negative in pairs)
    assert pairs == sample_pairs(train, 500, seed=0).tolist()


def test_rows_without_interactions_do_not_count(interactions_of):
    train = interactions_of([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
    users, items = torch.randn(3, 2), torch.randn(4, 2)
    trained = trained_rows(train)
    assert [each.tolist() for each in trained] == [[0, 1], [0, 1]]
    watch = Watch(lambda: (users, items), train, None, every=1, last=1)
    before = watch(0)
    users[2], items[2:] = 100.0, -7.0
    after = watch(1)
    assert after["effective_rank"] == before["effective_rank"]
    assert after["effective_rank_all_rows"] != before["effective_rank_all_rows"]


def test_accuracy_is_recorded_every_few_epochs_and_at_the_end(splits):
    split = splits.named("made", validation=True)
    tables = torch.randn(80, 8), torch.randn(60, 8)
    watch = Watch(lambda: tables, split.train, split.validation, every=3, last=7)
    have = [epoch for epoch in range(8) if "ndcg@10" in watch(epoch)]
    assert have == [0, 3, 6, 7]


def test_numbers_are_kept_to_what_float32_has():
    assert rounded(1 / 3) == 0.3333333
    assert rounded([1e-9 / 3, 2.0]) == [3.333333e-10, 2.0]
