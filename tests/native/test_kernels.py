"""The compiled steps against autograd in float64, and against themselves on other threads."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from runs import choice_of, parameters, same, trainer

from fullrank import native
from fullrank.data import Ids, Interactions
from fullrank.data.graph import Nearness
from fullrank.engine.compiled import CompiledEngine
from fullrank.engine.devices import torch_threads

needs_kernels = pytest.mark.skipif(not native.available(), reason=native.state())

GRAPH = {"tau_design": "graph", "tau_near": 1.0, "tau": 4.0}
SHARED = {"shared_negatives": True, "negatives": 21, "margin": 0.1, "weight": 5.0}
VARIANTS = [
    ("directspec+", {}),
    ("directspec+", {"shrink": 0.5, "alpha": 0.7, "weight_decay": 0.2}),
    ("directspec+", {"dim": 64, "batch_size": 130}),
    ("directspec+", {"dim": 33, "batch_size": 1}),
    ("directspec+", {"optimizer": "adagrad", "lr": 0.1, "weight_decay": 0.2}),
    ("directspec+", {"optimizer": "adam", "lr": 0.01}),
    ("directspec+", GRAPH | {"graph_distance": 1}),
    ("directspec+", GRAPH | {"graph_distance": 2, "batch_size": 70}),
    ("directspec+", GRAPH | {"graph_distance": 3, "shrink": 0.1, "sampler": "users"}),
    ("directspec", {"alpha": 0.01}),
    ("directspec", {"alpha": 0.01, "shrink": 0.5, "dim": 37, "weight_decay": 0.2}),
    ("directspec+", {"distinct": True}),
    ("directspec+", {"distinct": True, "dim": 37, "batch_size": 130, "weight_decay": 0.2}),
    ("directspec+", GRAPH | {"distinct": True, "batch_size": 70, "shrink": 0.5}),
    ("directspec", {"alpha": 0.01, "distinct": True}),
    ("directspec", {"alpha": 0.01, "distinct": True, "dim": 37, "batch_size": 130, "shrink": 0.5}),
    ("log-positive", {}),
    ("euclidean-positive", {"lr": 0.01, "optimizer": "adam"}),
    ("bpr", {}),
    ("bpr", {"negatives": 3, "weight_decay": 0.2, "dim": 20}),
    ("bpr", {"optimizer": "adam", "lr": 0.01}),
    ("bpr", {"optimizer": "dense-adam", "lr": 0.01, "negatives": 2, "weight_decay": 0.2}),
    ("directspec+", {"optimizer": "dense-adam", "lr": 0.01, "dim": 37}),
    ("ccl", {"negatives": 9, "margin": 0.3, "optimizer": "dense-adam", "lr": 0.01}),
    ("ccl", SHARED | {"optimizer": "dense-adam", "lr": 0.01, "batch_size": 8}),
    ("bce", {"negatives": 40, "optimizer": "adagrad", "lr": 0.1}),
    ("bce", {"batch_size": 300}),
    ("ccl", {"negatives": 2, "margin": -0.2, "weight": 5.0}),
    ("ccl", {"negatives": 9, "margin": 0.3, "weight_decay": 0.2, "optimizer": "adam", "lr": 0.01}),
    ("ccl", {"negatives": 3, "margin": 0.1, "weight": 5.0, "dropout": 0.4}),
    ("ccl", SHARED | {"weight_decay": 0.2}),
    ("ccl", SHARED | {"dropout": 0.4, "dim": 33, "batch_size": 130, "negatives": 70}),
    ("ccl", SHARED | {"dropout": 0.1, "margin": 0.5, "optimizer": "adam", "lr": 0.01}),
]
EACH = pytest.mark.parametrize(("method", "options"), VARIANTS)


def fitted(data, method, options, **more):
    run = trainer(data, method, **{"epochs": 3, "lr_decay": 0.9} | options, **more)
    history = run.run().history
    state = {name: each.double() for name, each in run.optimizer.state.items()}
    return parameters(run) | state, [record["loss"] for record in history]


@needs_kernels
@EACH
def test_steps_equal_autograd_in_float64(small, method, options):
    data = small.train.select(np.arange(900))
    fast, fast_losses = fitted(data, method, options)
    slow, slow_losses = fitted(data, method, options, double=True)
    assert fast.keys() == slow.keys()
    start = parameters(trainer(data, method, **options))
    for name, table in slow.items():
        assert fast[name].dtype in (torch.float32, torch.float64)
        moved = (table - start[name].double()).abs().max() if name in start else table.abs().max()
        torch.testing.assert_close(
            fast[name].double(), table.double(), rtol=1e-4, atol=1e-4 * moved.item()
        )
    assert fast_losses == pytest.approx(slow_losses, rel=1e-5)


@needs_kernels
@EACH
def test_every_variant_runs_compiled(small, method, options):
    assert choice_of(trainer(small.train, method, **options)).engine.name == "compiled"


@pytest.mark.slow
@needs_kernels
@EACH
def test_bits_do_not_depend_on_threads_or_stacking(small, method, options, monkeypatch):
    monkeypatch.setenv(native.CORES, "3")
    results, data = [], small.train
    if options.get("batch_size") == 1:  # three threads meet at each pair
        data = data.select(np.arange(300))
    for threads, most in ((1, 1), (2, 128), (3, 2)):
        monkeypatch.setattr(CompiledEngine, "most", most)
        with torch_threads(threads):
            results.append(fitted(data, method, options))
    for tables, losses in results[1:]:
        assert losses == results[0][1]
        assert all(torch.equal(tables[name], results[0][0][name]) for name in tables)


ON_GRAPH = {"encoder": "lightgcn", "layers": 2}


@needs_kernels
@EACH
def test_steps_on_lightgcn_equal_autograd_in_float64(small, method, options):
    """By SGD alone: the rule that moves whole tables is torch's either way."""
    data, options = small.train.select(np.arange(400)), options | ON_GRAPH | {"optimizer": "sgd"}
    fast, fast_losses = fitted(data, method, options)
    slow, slow_losses = fitted(data, method, options, double=True)
    start = parameters(trainer(data, method, **options))
    for name, table in slow.items():
        moved = (table - start[name].double()).abs().max().item()
        torch.testing.assert_close(fast[name].double(), table, rtol=1e-4, atol=1e-4 * moved)
    assert fast_losses == pytest.approx(slow_losses, rel=1e-5)


@needs_kernels
@EACH
def test_on_lightgcn_bits_do_not_depend_on_threads(small, method, options, monkeypatch):
    monkeypatch.setenv(native.CORES, "3")
    data, results = small.train.select(np.arange(150)), []
    for threads in (1, 2, 3):
        with torch_threads(threads):
            run = trainer(data, method, **ON_GRAPH, **{"epochs": 1} | options)
            assert choice_of(run).engine.name == "graph"
            run.run()
        results.append(parameters(run))
    assert same(results[0], results[1])
    assert same(results[0], results[2])


FOR_TORCH = (
    ({"tau": 82.0}, "tau above 81.5 in batches of 32"),
    ({"tau": 80.0, "batch_size": 1000}, "tau above 78.1 in batches of 1000"),
    ({"tau": 79.9, "batch_size": 256, "tau_design": "graph", "tau_near": 1.0}, "tau above 79.5"),
    (GRAPH | {"graph_distance": 4}, "graph distance of 4 or more"),
    ({"tau_design": "attention"}, "balance has no compiled form"),
    ({"precision": "bfloat16"}, "balance has no compiled form"),
    (GRAPH | {"precision": "bfloat16"}, "balance has no compiled form"),
)


@needs_kernels
def test_what_the_kernels_cannot_do_goes_to_torch(small):
    for options, reason in FOR_TORCH:
        for where, engine in (("mf", "compiled"), ("lightgcn", "graph")):
            choice = choice_of(trainer(small.train, encoder=where, **options))
            assert choice.engine.name == "autograd"
            assert reason in choice.passed_over[engine]


@pytest.mark.slow
@needs_kernels
@pytest.mark.parametrize(("tau", "batch"), [(80.5, 64), (79.4, 256), (76.6, 4096)])
def test_the_sharpest_tau_that_the_kernels_take(tau, batch):
    """All rows alike, so that each row sum is B exp(τ): finite, and no different from float64."""
    ids = [Ids.numbered(64) for _ in range(2)]
    data = Interactions.from_rows(*ids, *np.divmod(np.arange(64 * 64), 64))
    made = []
    for double in (False, True):
        run = trainer(data, batch_size=batch, epochs=1, dim=16, lr=0.1, tau=tau, double=double)
        for table in run.plan.parameters.values():
            table.copy_(1 + 1e-3 * torch.arange(64)[:, None] * torch.arange(16).cos())
        if not double:
            assert choice_of(run).engine.name == "compiled"
        assert np.isfinite(run.run().history[0]["loss"])
        made.append(parameters(run))
    for name, table in made[1].items():
        torch.testing.assert_close(made[0][name].double(), table, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@needs_kernels
@pytest.mark.parametrize("batch", [1, 63, 64, 65, 256])
def test_near_pairs_are_those_of_the_graph(batch):
    """One step from rows whose gradient tells which pairs have which τ."""
    rng = np.random.default_rng(batch)
    cells = np.unique(rng.integers(300 * 200, size=900))
    pairs = (np.ones(len(cells)), (cells // 200, cells % 200))
    data = Interactions.from_scipy(sp.coo_array(pairs, shape=(300, 200)))
    run = trainer(data, batch_size=batch, epochs=1, dim=16, lr=100.0, **GRAPH)
    same = trainer(data, batch_size=batch, epochs=1, dim=16, lr=100.0, double=True, **GRAPH)
    assert Nearness(data, 2).both(data.user_idx[:64], data.item_idx[:64]).any()
    run.run()
    same.run()
    for name, table in parameters(same).items():
        torch.testing.assert_close(parameters(run)[name].double(), table, rtol=1e-3, atol=1e-5)


@needs_kernels
def test_shared_negatives_are_for_one_objective():
    with pytest.raises(ValueError, match="found shared negatives with 'bpr', expected 'ccl'"):
        native.NegativeSteps((3, 4, 8), 2, 2, 1, "bpr", shared=True)
