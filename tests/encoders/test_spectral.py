"""The spectral encoder against V f(Λ) Vᵀ E on free rows, dense and in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fullrank.data.graph import BipartiteGraph
from fullrank.encoders import spectral
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
