"""Suites over every row of the method table: a new method is tested the day it is added."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
import torch

from fullrank import METHODS, Interactions, Recommender
from fullrank.methods import plan_of, settings_of
from fullrank.training import Silent
from fullrank.training.engine import NativeEngine

# What each needs to learn sixteen users and items. Strong balancing (alpha 0.8, tau 3) decorrelates
# the items of a colour, the withheld one too, when a batch is hardly wider than the table. The
# methods without any push collapse every colour to a point of its own, as no pair joins the two;
# they tell the points apart by the angle of two random directions, so need width.
CHECKERBOARD = {
    "directspec+": {"alpha": 0.5, "tau": 1.0, "lr": 0.3},
    "directspec": {"alpha": 0.05, "lr": 1.0},
    "bpr": {"lr": 3.0},
    "bce": {"lr": 3.0, "negatives": 2},
    "log-positive": {"lr": 1.0, "dim": 64},
    "euclidean-positive": {"lr": 0.3, "dim": 64},
}
QUICK = {"dim": 8, "batch_size": 64, "epochs": 4, "validate_every": 2}


def found(checkerboard, method, **settings):
    """How many of the 16 users have the withheld item first, before every item of the other colour.

    The other items of the own colour are seen, and so left out.
    """
    settings = {"dim": 8, "batch_size": 16, "epochs": 120} | CHECKERBOARD[method] | settings
    ranked = Recommender(method, **settings).fit(checkerboard.train).recommend(k=1)
    best = dict(zip(ranked["user_id"], ranked["item_id"], strict=True))
    return sum(best[f"u{row}"] == f"i{row}" for row in range(16))


def test_every_method_stands_in_the_suite():
    assert CHECKERBOARD.keys() == METHODS.keys()


@pytest.mark.parametrize("method", METHODS)
def test_it_learns_the_checkerboard(checkerboard, method):
    for seed in (0, 1, 2):
        assert found(checkerboard, method, seed=seed) == 16


@pytest.mark.parametrize("method", METHODS)
def test_without_training_it_does_not_know_the_checkerboard(checkerboard, method):
    assert found(checkerboard, method, epochs=0) < 8


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_makes_the_bits(small, method):
    first, again, other = (Recommender(method, seed=s, **QUICK).fit(small) for s in (3, 3, 4))
    assert torch.equal(first.user_embeddings, again.user_embeddings)
    assert torch.equal(first.item_embeddings, again.item_embeddings)
    losses = [[record["loss"] for record in m.training["history"]] for m in (first, again)]
    assert losses[0] == losses[1]
    assert not torch.equal(first.user_embeddings, other.user_embeddings)
    assert not torch.equal(first.item_embeddings, other.item_embeddings)


@pytest.mark.parametrize("method", METHODS)
def test_the_global_random_state_is_neither_used_nor_moved(tiny, method):
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    first = Recommender(method, **QUICK).fit(tiny)
    next_numbers = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    assert torch.equal(torch.rand(3), next_numbers[0])
    assert (np.random.rand(3) == next_numbers[1]).all()  # noqa: NPY002
    second = Recommender(method, **QUICK).fit(tiny)
    assert torch.equal(first.item_embeddings, second.item_embeddings)


@pytest.mark.parametrize("method", METHODS)
def test_saved_equals_loaded(small, method, tmp_path):
    model = Recommender(method, **QUICK).fit(small)
    model.save(tmp_path / "m")
    loaded = Recommender.load(tmp_path / "m")
    assert torch.equal(model.user_embeddings, loaded.user_embeddings)
    assert torch.equal(model.item_embeddings, loaded.item_embeddings)
    assert (loaded.users, loaded.items) == (model.users, model.items)
    assert loaded.items.titles.equals(model.items.titles)
    for ours, theirs in zip(model._parts.items(), loaded._parts.items(), strict=True):
        assert ours[0] == theirs[0]
        assert ours[1].fingerprint == theirs[1].fingerprint
        assert (ours[1].indptr == theirs[1].indptr).all()
        assert (ours[1].item_idx == theirs[1].item_idx).all()
    assert loaded.method == method
    assert loaded.settings == model.settings
    assert loaded.training == model.training
    assert loaded.recommend().equals(model.recommend())
    assert loaded.similar_items(["i3"]).equals(model.similar_items(["i3"]))
    assert dict(loaded.evaluate()) == dict(model.evaluate())


class StopAt(Silent):
    """Asks for a stop, as Ctrl-C does, after some steps."""

    def __init__(self, steps):
        self.left = steps

    def steps(self, count):
        self.left -= count
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("method", METHODS)
def test_resumed_equals_uninterrupted(small, method, tmp_path, monkeypatch):
    whole = Recommender(method, **QUICK).fit(small)
    monkeypatch.setattr(NativeEngine, "most", 1)  # stop at any step, not where a bundle ends
    steps = len(small.train) // 64
    for stop in (2 * steps, 2 * steps + 5):
        checkpoint = tmp_path / f"{stop}"
        with pytest.raises(KeyboardInterrupt):
            Recommender(method, **QUICK).fit(small, checkpoint=checkpoint, reporter=StopAt(stop))
        rest = Recommender(method, **QUICK).fit(small, checkpoint=checkpoint, resume=True)
        assert torch.equal(whole.user_embeddings, rest.user_embeddings)
        assert torch.equal(whole.item_embeddings, rest.item_embeddings)
        for name in ("epochs", "best_epoch", "validation_ndcg@20", "loss", "effective_rank"):
            assert whole.training[name] == rest.training[name]


@pytest.mark.parametrize("method", METHODS)
def test_a_row_says_what_it_is_and_where_it_is_from(method):
    row = METHODS[method]
    assert row.summary
    assert row.source
    assert settings_of(method, {}) == row.settings.build(dict(row.defaults))
    for name, field in row.settings.model_fields.items():
        assert field.description, name


def test_what_sets_the_methods_apart(tiny):
    """The initial rows are those of the seed and the data, the same for every method."""
    plans = {m: plan_of(m, settings_of(m, {"dim": 8}), tiny, "cpu") for m in METHODS}
    first = plans["bpr"].encoder.tables()
    for method, plan in plans.items():
        assert plan.sampler.negatives == (method in ("bpr", "bce"))
        assert (plan.balance is not None) == method.startswith("directspec")
        assert plan.learned is None
        assert all(a.equal(b) for a, b in zip(plan.encoder.tables(), first, strict=True))
    users, items = first
    for table in first:
        bound = (6 / (len(table) + 8)) ** 0.5
        assert bound * 0.99 < table.abs().max() <= bound
    assert (users.shape, items.shape) == ((200, 8), (120, 8))


def test_negatives_need_an_item_that_is_left():
    full = Interactions.from_scipy(np.ones((3, 4)))
    with pytest.raises(Exception, match="found user 0 with every item"):
        Recommender("bpr", **QUICK).fit(full)
