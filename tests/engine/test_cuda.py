"""Steps from tensors that stay in place, as a CUDA graph replays them, against plain steps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from runs import choice_of, in_torch, parameters, same, trainer

from fullrank import Recommender
from fullrank.engine.autograd import AutogradEngine
from fullrank.engine.batches import on_device
from fullrank.engine.choose import device_for
from fullrank.engine.compiled import CompiledEngine
from fullrank.engine.cuda import CapturedEngine

STATIC = [
    ("directspec+", {"shrink": 0.2}),
    ("directspec+", {"precision": "bfloat16"}),
    ("directspec", {"alpha": 0.01, "weight_decay": 0.1}),
    ("directspec+", {"distinct": True}),
    ("directspec", {"alpha": 0.01, "distinct": True}),
    ("bpr", {"negatives": 2}),
    ("ccl", {"negatives": 5, "optimizer": "sgd", "lr": 0.1}),
    ("ccl", {"negatives": 9, "shared_negatives": True, "optimizer": "sgd", "lr": 0.1}),
    ("directau", {"optimizer": "sgd", "lr": 0.1}),
    ("cl-rec", {}),
]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def engines(data, method, options):
    run = trainer(data, method, **options)
    parts = run.plan.step, run.plan.encoder, run.optimizer
    return run, AutogradEngine(*parts), CapturedEngine(*parts)


def unfit(run):
    """Why the steps of a run cannot be captured, were its tables on a GPU."""
    step = dataclasses.replace(run.plan.step, device="cuda")
    return CapturedEngine.supports(step, run.plan.encoder, run.optimizer)


@pytest.mark.parametrize(("method", "options"), STATIC)
def test_it_makes_the_same_steps(small, method, options):
    results = []
    for which in (1, 2):
        run, *made = engines(small.train, method, options)
        assert unfit(run) is None
        engine, losses = made[which - 1], torch.zeros((), dtype=torch.float64)
        for epoch, lr in enumerate((0.5, 0.25)):  # the rate moves while the tensors stay
            batches = run.plan.sampler.chunks(np.random.default_rng(epoch), 5, 32)
            for chunk in batches:
                engine.steps(chunk, lr, losses)
        results.append((parameters(run), losses.item()))
    (plain, expected), (replayed, loss) = results
    assert loss == pytest.approx(expected, rel=1e-6)
    for name, table in plain.items():
        torch.testing.assert_close(replayed[name], table, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("method", "options"), STATIC)
def test_warming_up_at_a_rate_of_zero_leaves_every_bit(small, method, options):
    run, plain, _ = engines(small.train, method, options | {"weight_decay": 0.0})
    before = parameters(run)
    batch = next(run.plan.sampler.batches(np.random.default_rng(0), 1, 32))
    plain.step(on_device(batch, "cpu"), batch, torch.zeros(()))
    assert same(before, parameters(run))


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("directspec+", {"tau_design": "graph", "tau_near": 1.0}),
        ("directspec+", {"tau_design": "attention"}),
        ("lightgcn", {"optimizer": "sgd"}),
        ("enmf", {}),
    ],
)
def test_what_looks_at_more_than_the_rows_is_not_static(small, method, options):
    run = trainer(small.train, method, **options)
    assert unfit(run) == "steps are not the same operations for every batch"


def test_a_gpu_gets_captured_steps_where_they_are_possible(small, monkeypatch):
    monkeypatch.setattr(CapturedEngine, "__init__", lambda self, *parts: None)  # takes memory there

    def engine(method, **options):
        run = trainer(small.train, method, **options)
        run.plan = in_torch(run.plan, device="cuda")
        return choice_of(run)

    assert isinstance(engine("directspec+").engine, CapturedEngine)
    assert isinstance(engine("directspec+", optimizer="adam", lr=0.01).engine, AutogradEngine)
    assert isinstance(engine("lightgcn", optimizer="sgd").engine, AutogradEngine)
    monkeypatch.setenv("FULLRANK_CUDA_GRAPH", "0")
    choice = engine("directspec+")
    assert isinstance(choice.engine, AutogradEngine)
    assert choice.passed_over["cuda graph"] == "FULLRANK_CUDA_GRAPH is 0"


@pytest.mark.parametrize(
    ("there", "options", "expected"),
    [
        (True, {}, "cuda"),
        (True, {"tau_design": "graph", "tau_near": 1.0}, "cpu"),
        (True, {"optimizer": "adam", "lr": 0.01}, "cpu"),
        (True, {"tau_design": "attention"}, "cuda"),
        (False, {}, "cpu"),
    ],
)
def test_auto_takes_a_gpu_where_it_is_quicker(small, monkeypatch, there, options, expected):
    """Captured steps, and those for which the processor has no kernel."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    run = trainer(small.train, "directspec+", **options)
    monkeypatch.setattr(CompiledEngine, "supports", supported_with_kernels)
    assert device_for(run.plan.step, run.plan.encoder, run.optimizer) == expected


def supported_with_kernels(step, encoder, optimizer):
    del encoder, optimizer
    return None if step.balance is None or step.balance.kernel else "the balance has no kernel"


@needs_gpu
@pytest.mark.parametrize(("method", "options"), STATIC)
def test_a_replayed_graph_makes_the_steps_of_the_processor(small, method, options):
    options = {"dim": 16, "batch_size": 32, "epochs": 2, "lr": 0.5} | options
    here = Recommender(method, device="cpu", **options).fit(small.train)
    there = Recommender(method, device="cuda", **options).fit(small.train)
    for table in ("user_embeddings", "item_embeddings"):
        mine, its = (getattr(model, table) for model in (here, there))
        # Numbers beside a border of bfloat16 are rounded down here and up there.
        close = {"rtol": 1e-3, "atol": 2e-4 if "precision" in options else 1e-5}
        torch.testing.assert_close(mine, its, **close)


@needs_gpu
@pytest.mark.parametrize(
    ("method", "options"),
    [*STATIC, ("directau", {}), ("bpr", {"optimizer": "adam"}), ("enmf", {}), ("gde", {})],
)
def test_the_seed_makes_the_bits_on_a_gpu(small, method, options):
    """Of a batch of more users than there are, so that rows repeat."""
    options = {"dim": 16, "batch_size": 256, "epochs": 3, "lr": 0.05} | options
    one, other = (Recommender(method, device="cuda", **options).fit(small) for _ in "ab")
    assert torch.equal(one.user_embeddings, other.user_embeddings)
    assert torch.equal(one.item_embeddings, other.item_embeddings)
    losses = [[record["loss"] for record in m.training["history"]] for m in (one, other)]
    assert losses[0] == losses[1]


@needs_gpu
def test_what_was_trained_on_a_gpu_is_as_any_model(small, tmp_path):
    model = Recommender("directspec+", device="cuda", alpha=0.6, tau=3.0, dim=16).fit(small)
    assert model.training["engine"]["name"] == "cuda graph"
    assert model.user_embeddings.device.type == model.item_embeddings.device.type == "cpu"
    model.save(tmp_path / "m")
    loaded = Recommender.load(tmp_path / "m")
    assert loaded.recommend(k=5).equals(model.recommend(k=5))
    assert dict(loaded.evaluate()) == dict(model.evaluate())
