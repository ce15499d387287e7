"""The spectral encoder against V f(Λ) Vᵀ E on free rows, dense and in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fullrank import Recommender, SettingError
from fullrank.data.graph import BipartiteGraph
from fullrank.encoders import FilteredRows, SpectralEncoder, TensorBatch, spectral
from fullrank.encoders.spectral import smooth_vectors
from fullrank.methods import build_method
from fullrank.training import Trainer


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize(("low", "high"), [(5, 0), (4, 3), (1, 6)])
def test_ends_of_the_spectrum(small, low, high, dense, monkeypatch):
    if not dense:
        monkeypatch.setattr(spectral, "DENSE", 0)
    matrix = BipartiteGraph.of(small.train).item_user
    product = (matrix @ matrix.T).toarray().astype(np.float64)
    values = np.linalg.eigvalsh(product)
    expected = np.r_[values[::-1][:low], values[:high]]
    found = smooth_vectors(matrix, low, high)
    np.testing.assert_allclose(np.sort(found.values), np.sort(expected), rtol=0, atol=1e-4)
    vectors = found.vectors.numpy()
    np.testing.assert_allclose(product @ vectors, vectors * found.values.numpy(), atol=2e-3)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(low + high), atol=1e-4)


def test_a_step_is_one_on_free_rows_behind_the_filter(small):
    """Gradient descent on E, seen through V f(Λ) Vᵀ, is gradient descent on W = Vᵀ E."""
    settings = build_method(
        "gde", {"low": 12, "dim": 6, "batch_size": 64, "epochs": 2, "optimizer": "sgd", "lr": 3.0}
    )
    plan = settings.plan(small.train, "cpu")
    encoder = plan.encoder
    encoder.bases = tuple(basis.double() for basis in encoder.bases)
    encoder.user_weights, encoder.item_weights = (w.double() for w in encoder.parameters.values())
    filters, raw = [], []
    graph = BipartiteGraph.of(small.train)
    for block, weights in zip(
        (graph.user_item, graph.item_user), encoder.parameters.values(), strict=True
    ):
        pairs = smooth_vectors(block, 12, 0)
        vectors = pairs.vectors.double()
        strength = torch.exp(settings.beta * (pairs.values.double() - 1))
        filters.append(((vectors * strength) @ vectors.T, vectors))
        raw.append(vectors @ weights)
    for epoch in range(2):
        rng = np.random.default_rng([settings.seed, epoch])
        for batch in plan.sampler.batches(rng, plan.sampler.steps(64), 64):
            leaves = [table.clone().requires_grad_() for table in raw]
            users, items = (f @ leaf for (f, _), leaf in zip(filters, leaves, strict=True))
            pair = torch.stack((users[batch.user_idx], items[batch.item_idx]))
            rows = plan.encoder.rows(type("B", (), {
                "user_idx": torch.tensor([0]), "item_idx": torch.tensor([0]), "negative_idx": None
            }))  # fmt: skip
            seen = rows._replace(pair=pair, negative=items[batch.negative_idx])
            plan.step.loss.function(seen).backward()
            raw = [(leaf - 3.0 * leaf.grad).detach() for leaf in leaves]
    Trainer(plan, settings).run()
    for (filtered, _), table, mine in zip(filters, raw, encoder.tables(), strict=True):
        torch.testing.assert_close(mine, filtered @ table, rtol=1e-5, atol=1e-7)


def test_a_share_is_of_each_side(small):
    options = {"low_share": 0.3, "high_share": 0.05, "dim": 4, "beta": 1.5}
    encoder = build_method("gde", options).plan(small.train, "cpu").encoder
    assert [len(basis.T) for basis in encoder.bases] == [60 + 10, 36 + 6]
    graph = BipartiteGraph.of(small.train)
    product = (graph.user_item @ graph.user_item.T).toarray().astype(np.float64)
    kept = np.r_[np.linalg.eigvalsh(product)[::-1][:60], np.linalg.eigvalsh(product)[:10]]
    expected = np.exp(1.5 * (kept - 1))
    np.testing.assert_allclose(encoder.bases[0].norm(dim=0), expected, rtol=1e-4)
    with pytest.raises(SettingError, match=r"found 160 \+ 60; expected at most the 200"):
        Recommender("gde", low_share=0.8, high_share=0.3).fit(small.train)


def test_the_filter_of_the_authors_is_not_divided(small):
    unit, plain = (
        build_method("gde", {"low": 12, "dim": 4, "beta": 2.0, "unit_filter": each})
        .plan(small.train, "cpu")
        .encoder.tables()
        for each in (True, False)
    )
    for divided, whole in zip(unit, plain, strict=True):
        torch.testing.assert_close(whole, float(np.exp(2.0)) * divided)


def filtered(drop, dim=None):
    """Random factors of a filter on each side, E random or the identity, and a batch."""
    rng = torch.Generator().manual_seed(0)
    draw = [torch.randn(n, 5, generator=rng, dtype=torch.float64) for n in (40, 30)]
    free = [
        torch.eye(n, dtype=torch.float64)
        if dim is None
        else torch.randn(n, dim, generator=rng, dtype=torch.float64)
        for n in (40, 40 if dim is None else 30)
    ]
    vectors = draw if dim is not None else [draw[0], torch.cat((draw[1], draw[1][:10]))]
    encoder = FilteredRows(tuple(2 * v for v in vectors), tuple(vectors), tuple(free), drop)
    encoder.start_epoch(np.random.default_rng(3))
    batch = TensorBatch(
        torch.tensor([0, 7, 7]), torch.tensor([4, 1, 2]), torch.tensor([[3], [0], [9]])
    )
    return encoder, batch


def test_dropped_entries_of_the_filter(small):
    """With E = I the rows are those of the masked filter: left out, or as they are."""
    encoder, batch = filtered(0.4)
    rows = encoder.rows(batch)
    whole = [2 * v @ v.T for v in encoder.vectors]
    seen, expected = rows.pair[0].detach(), whole[0][batch.user_idx]
    dropped = seen == 0
    torch.testing.assert_close(seen[~dropped], expected[~dropped])
    assert 0.25 < dropped.double().mean() < 0.55
    assert not torch.equal(seen[1], seen[2])  # the same user, masked anew
    assert torch.equal(encoder.rows(batch).pair, rows.pair)  # a run that goes on
    encoder.start_epoch(np.random.default_rng(4))
    assert not torch.equal(encoder.rows(batch).pair, rows.pair)
    torch.testing.assert_close(encoder.tables()[0], whole[0])
    toward = torch.randn(2, 3, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    masked = (rows := encoder.rows(batch)).pair.detach()
    ((rows.pair * toward).sum() + 0 * rows.negative.sum()).backward()
    users, items = encoder.updates(batch, rows, 0.5)
    penalty = 0.5 * 3 * torch.eye(40, dtype=torch.float64)
    torch.testing.assert_close(users.grad, masked[0].T @ toward[0] + penalty)
    torch.testing.assert_close(items.grad, masked[1].T @ toward[1] + penalty)


def test_nothing_dropped_is_the_spectral_encoder():
    encoder, batch = filtered(0.0, dim=3)
    weights = tuple(
        v.T @ e for v, e in zip(encoder.vectors, encoder.parameters.values(), strict=True)
    )
    same = SpectralEncoder(encoder.bases, weights)
    for mine, its in zip(encoder.rows(batch)[:2], same.rows(batch)[:2], strict=True):
        torch.testing.assert_close(mine, its)
    for mine, its in zip(encoder.tables(), same.tables(), strict=True):
        torch.testing.assert_close(mine, its)


@pytest.mark.slow
def test_gde_with_dropout_learns_and_goes_on_as_it_was(checkerboard):
    options = {"low": 8, "dim": 8, "batch_size": 16, "epochs": 120, "lr": 0.03}
    model = Recommender("gde", filter_dropout=0.2, **options).fit(checkerboard.train)
    best = dict(model.recommend(k=1).select("user_id", "item_id").iter_rows())
    assert all(best[f"u{row}"] == f"i{row}" for row in range(16))
    again = Recommender("gde", filter_dropout=0.2, **options).fit(checkerboard.train)
    assert torch.equal(model.user_embeddings, again.user_embeddings)
