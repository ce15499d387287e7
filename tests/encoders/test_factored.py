"""Factored propagation against exact training, and its compiled steps against torch's."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from runs import in_torch

from fullrank import Recommender, SettingError, native
from fullrank.data.graph import BipartiteGraph
from fullrank.encoders import FactoredLightGCN, truncated_svd
from fullrank.encoders.factored import SpectralFilter
from fullrank.encoders.propagation import Hops
from fullrank.encoders.spectral import Svd
from fullrank.methods import build_method
from fullrank.training import Trainer


def run(data, method, **values):
    settings = build_method(method, {"encoder": "lightgcn", "dim": 8, "batch_size": 64} | values)
    return settings.plan(data, "cpu"), settings


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("directspec+", {"lr": 2.0, "shrink": 0.1}),
        ("log-positive", {"lr": 5.0}),
        ("bpr", {"lr": 5.0, "negatives": 2}),
    ],
)
def test_at_full_rank_it_is_exact_training_step_by_step(small, method, values, layers):
    data = small.train
    exact, settings = run(data, method, layers=layers, epochs=1, **values)
    encoder = exact.encoder
    encoder.user_table, encoder.item_table = (t.double() for t in encoder.parameters.values())
    u, s, vt = np.linalg.svd(encoder.whole.graph.user_item.toarray().astype(np.float64))
    rank = len(s)
    svd = Svd(
        *(torch.from_numpy(np.ascontiguousarray(x)) for x in (u[:, :rank], s, vt.T[:, :rank]))
    )
    average = encoder.scale != 1
    raw = [t.clone() for t in encoder.parameters.values()]
    factored = FactoredLightGCN(*raw, encoder.whole, svd, layers, average)
    plans = [exact, in_torch(dataclasses.replace(exact, encoder=factored))]
    for mine, its in zip(factored.tables(), encoder.tables(), strict=True):
        torch.testing.assert_close(mine, its, rtol=0, atol=1e-12)
    trainers = [Trainer(plan, settings) for plan in plans]
    for steps in range(1, 6):  # one more step each time, from where the last ended
        for trainer in trainers:
            trainer.steps, trainer.progress.epoch, trainer.progress.step = steps, 0, steps - 1
            trainer.run()
        for mine, its in zip(factored.tables(), encoder.tables(), strict=True):
            torch.testing.assert_close(mine, its, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_the_filter_is_the_polynomial_squared(scale):
    s = torch.linspace(0, 1, 9, dtype=torch.float64)
    made = SpectralFilter.of(s, 3, scale)
    at = {sign: (scale * sum((sign * s) ** k for k in range(4))) ** 2 for sign in (1, -1)}
    even, odd = (at[1] + at[-1]) / 2, (at[1] - at[-1]) / 2
    torch.testing.assert_close(made.identity + made.even, even)
    torch.testing.assert_close(made.hop * s + made.odd, odd)
    if scale == 1:
        torch.testing.assert_close(even, (1 + s**2) ** 3)
        torch.testing.assert_close(odd, 2 * s * (1 + s**2) ** 2)


@pytest.mark.skipif(not native.available(), reason=native.state())
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("directspec+", {"shrink": 0.1}),
        ("directspec+", {"tau_design": "graph", "tau_near": 2.0}),
        ("directspec", {"alpha": 0.01}),
        ("log-positive", {"average_layers": False}),
    ],
)
def test_compiled_steps_are_those_of_torch(small, method, values, threads, monkeypatch):
    monkeypatch.setenv(native.CORES, "3")
    values = {"propagation": "factored", "rank": 20, "dim": 16, "lr": 1.0, "epochs": 2} | values
    results = []
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for compiled in (True, False):
            plan, settings = run(small.train, method, **values)
            if not compiled:
                plan = in_torch(plan)
            trainer = Trainer(plan, settings)
            trainer.run()
            results.append((plan.encoder.parameters, trainer.progress.history[-1]["loss"]))
    finally:
        torch.set_num_threads(before)
    (mine, loss), (its, expected) = results
    assert loss == pytest.approx(expected, rel=1e-6)
    for name, table in mine.items():
        torch.testing.assert_close(table, its[name], rtol=1e-4, atol=2e-6)


@pytest.mark.slow
def test_it_comes_near_exact_training(small):
    values = {"encoder": "lightgcn", "dim": 16, "epochs": 30, "lr": 10.0, "batch_size": 128}
    exact = Recommender("directspec+", **values).fit(small.train)
    near = Recommender("directspec+", **values, propagation="factored", rank=30).fit(small.train)
    cosines = torch.nn.functional.cosine_similarity(exact.item_embeddings, near.item_embeddings)
    assert cosines.mean() > 0.9


@pytest.mark.parametrize("rank", [1, 7, 40, 60, 119, 120])
def test_truncated_svd(small, rank):
    matrix = BipartiteGraph.of(small.train).user_item
    values = np.linalg.svd(matrix.toarray().astype(np.float64), compute_uv=False)
    svd = truncated_svd(matrix, rank)
    np.testing.assert_allclose(svd.values.numpy(), values[:rank], rtol=0, atol=1e-6)
    product = torch.from_numpy(matrix.toarray()) @ svd.items
    torch.testing.assert_close(product, svd.users * svd.values, rtol=0, atol=1e-5)
    again = truncated_svd(matrix, rank)
    assert all(torch.equal(a, b) for a, b in zip(svd, again, strict=True))


@pytest.mark.parametrize("values", [{"optimizer": "adam", "lr": 0.1}, {"weight_decay": 0.1}])
def test_what_has_no_factored_form_is_refused(values):
    with pytest.raises(SettingError, match="optimizer = sgd, drop_edges = 0 and weight_decay = 0"):
        Recommender("bpr", encoder="lightgcn", propagation="factored", **values)


def test_hops_are_shared_with_the_exact_encoder(small):
    assert Hops(BipartiteGraph.of(small.train)).graph.n_edges == len(small.train)
