"""Suites over every row of the method table: a new method is tested the day it is added."""

from __future__ import annotations

import signal

import numpy as np
import pytest
import torch

from fullrank import METHODS, Interactions, Recommender
from fullrank.engine.compiled import CompiledEngine
from fullrank.engine.cuda import CapturedEngine
from fullrank.methods import TrainedMethod, build_method
from fullrank.serving.stored_scorers import tensors_of
from fullrank.training import Silent

# What each needs to learn sixteen users and items. Strong balancing (alpha 0.8, tau 3) decorrelates
# the items of a colour, the withheld one too, when a batch is hardly wider than the table. The
# methods without any push collapse every colour to a point of its own, as no pair joins the two;
# they tell the points apart by the angle of two random directions, so need width. The board's rank
# is two: with more, least squares fits withheld cells as zeros for its first fifty sweeps.
CHECKERBOARD = {
    "directspec+": {"alpha": 0.5, "tau": 1.0, "lr": 0.3},
    "directspec": {"alpha": 0.05, "lr": 1.0},
    "bpr": {"lr": 3.0},
    "bce": {"lr": 3.0, "negatives": 2},
    "log-positive": {"lr": 1.0, "dim": 64},
    "euclidean-positive": {"lr": 0.3, "dim": 64},
    "euclidean": {"lr": 0.3, "dim": 64},
    "cl-rec": {"lr": 3.0, "contrast": 0.001},
    "ccl": {"lr": 0.03, "negatives": 4, "weight": 4.0},
    "softmax": {"lr": 0.03, "negatives": 4},
    "enmf": {"lr": 0.1},
    "directau": {"lr": 0.03, "gamma": 0.3},
    "logdet": {"lr": 0.03, "gamma": 0.1, "layers": 1},
    "lightgcn": {"lr": 0.03},
    "dropedge": {"lr": 0.03},
    "sgl-ed": {"lr": 0.03, "contrast": 0.01},
    "lightgcl": {"lr": 0.03, "view_rank": 2, "contrast": 0.01},
    "gde": {"lr": 0.03, "low": 8},
    "popularity": {},
    "itemknn": {},
    "ease": {"ridge": 1.0},
    "ials": {"dim": 2},
    "spectral": {"rank": 2},
    "allpass": {"rank": 2, "power": 0.0},
    "p3alpha": {},
    "rp3beta": {},
    "gf-cf": {"rank": 2},
    "sgfcf": {"rank": 2},
    "turbo-cf": {},
    "slim": {"ridge": 1.0},
    "chebycf": {"rank": 2},
    "bspm": {"rank": 2},
}
TRAINED = [name for name, row in METHODS.items() if issubclass(row, TrainedMethod)]
QUICK = {"dim": 8, "batch_size": 64, "epochs": 4, "validate_every": 2}
SMALL = {
    "gde": {"low": 16},
    "ccl": {"negatives": 5},
    "spectral": {"rank": 16},
    "allpass": {"rank": 16},
    "ials": {"dim": 8},
    "softmax": {"negatives": 5},
    **{name: {"rank": 16} for name in ("gf-cf", "sgfcf", "chebycf", "bspm")},
}
LEARNS_NOTHING = {"popularity"}


def quick(method, **more):
    """Settings to train a method with in no time."""
    base = QUICK if method in TRAINED else {}
    # The sparse products of a GPU sum in another order each time.
    place = {"device": "cpu"} if METHODS[method]().model_dump().get("encoder") == "lightgcn" else {}
    return base | place | SMALL.get(method, {}) | more


def found(checkerboard, method, **settings):
    """How many of the 16 users have the withheld item first, before every item of the other colour.

    The other items of the own colour are seen, and so left out.
    """
    base = {"dim": 8, "batch_size": 16, "epochs": 120} if method in TRAINED else {}
    settings = base | CHECKERBOARD[method] | settings
    ranked = Recommender(method, **settings).fit(checkerboard.train).recommend(k=1)
    best = dict(zip(ranked["user_id"], ranked["item_id"], strict=True))
    return sum(best[f"u{row}"] == f"i{row}" for row in range(16))


def test_every_method_stands_in_the_suite():
    assert CHECKERBOARD.keys() == METHODS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("method", [m for m in METHODS if m not in LEARNS_NOTHING])
def test_it_learns_the_checkerboard(checkerboard, method):
    for seed in (0, 1, 2):
        assert found(checkerboard, method, seed=seed) == 16


@pytest.mark.parametrize("method", TRAINED)
def test_without_training_it_does_not_know_the_checkerboard(checkerboard, method):
    assert found(checkerboard, method, epochs=0) < 8


@pytest.mark.slow
@pytest.mark.parametrize("method", TRAINED)
def test_the_seed_makes_the_bits(small, method):
    first, again, other = (
        Recommender(method, seed=s, **quick(method)).fit(small) for s in (3, 3, 4)
    )
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
    first = Recommender(method, **quick(method)).fit(tiny)
    next_numbers = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    assert torch.equal(torch.rand(3), next_numbers[0])
    assert (np.random.rand(3) == next_numbers[1]).all()  # noqa: NPY002
    second = Recommender(method, **quick(method)).fit(tiny)
    assert same(first.scorer, second.scorer)


@pytest.mark.parametrize("method", METHODS)
def test_saved_equals_loaded(small, method, tmp_path):
    model = Recommender(method, **quick(method)).fit(small)
    model.save(tmp_path / "m")
    loaded = Recommender.load(tmp_path / "m")
    assert same(model.scorer, loaded.scorer)
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


def same(one, other):
    """Whether two scorers hold the same bits."""
    mine, its = tensors_of(one), tensors_of(other)
    return mine.keys() == its.keys() and all(torch.equal(mine[n], its[n]) for n in mine)


class StopAt(Silent):
    """Asks for a stop, as Ctrl-C does, after some steps."""

    def __init__(self, steps):
        self.left = steps

    def steps(self, count):
        self.left -= count
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.slow
@pytest.mark.parametrize("method", TRAINED)
def test_resumed_equals_uninterrupted(small, method, tmp_path, monkeypatch):
    # A search leaves the end of the winner alone to be stopped in.
    settings = quick(method, epochs=12) if "auto" in METHODS[method].model_fields else quick(method)
    whole = Recommender(method, **settings).fit(small)
    for engine in (CompiledEngine, CapturedEngine):
        monkeypatch.setattr(engine, "most", 1)  # stop at any step, not where stacked batches end
    plan = whole.settings.plan(small.train, "cpu")
    steps = plan.sampler.steps(64)
    for stop in (2 * steps, 2 * steps + min(5, steps - 1)):
        checkpoint = tmp_path / f"{stop}"
        stopped = Recommender(method, **settings)
        with pytest.raises(KeyboardInterrupt):
            stopped.fit(small, checkpoint=checkpoint, reporter=StopAt(stop))
        rest = Recommender(method, **settings).fit(small, checkpoint=checkpoint, resume=True)
        assert torch.equal(whole.user_embeddings, rest.user_embeddings)
        assert torch.equal(whole.item_embeddings, rest.item_embeddings)
        for name in ("epochs", "best_epoch", "validation_ndcg@20", "loss", "effective_rank"):
            assert whole.training[name] == rest.training[name]


@pytest.mark.parametrize("method", METHODS)
def test_a_row_says_what_it_is_and_where_it_is_from(method):
    row = METHODS[method]
    assert row.summary
    assert row.source
    assert row.name == method
    assert build_method(method, {}) == row()
    assert {name: getattr(row(), name) for name in row.defaults} == dict(row.defaults)
    for name, field in row.model_fields.items():
        assert field.description, name


def test_what_sets_the_methods_apart(tiny):
    """The initial rows are those of the seed and the data, the same for every method."""
    plans = {m: build_method(m, {"dim": 8} | SMALL.get(m, {})).plan(tiny, "cpu") for m in TRAINED}
    first = plans["bpr"].encoder.tables()
    for method, plan in plans.items():
        assert (plan.step.balance is not None) == method.startswith("directspec")
        assert plan.step.balance is None or plan.step.balance.learned is None
        raw = list(plan.encoder.parameters.values())
        if method != "gde":
            assert all(a.equal(b) for a, b in zip(raw, first, strict=False))
    positives = {"directspec+", "directspec", "log-positive", "euclidean-positive"}
    positives |= {"enmf", "directau", "logdet"}
    assert {m for m, plan in plans.items() if not plan.sampler.negatives} == positives
    users, items = first
    for table in first:
        bound = (6 / (len(table) + 8)) ** 0.5
        assert bound * 0.99 < table.abs().max() <= bound
    assert (users.shape, items.shape) == ((200, 8), (120, 8))


def test_what_is_trained_on_cosines_ranks_by_them(small):
    """The items' lengths, which the loss of ccl does not see, have no say in its lists."""
    model = Recommender("ccl", **quick("ccl", lr=0.05)).fit(small)
    for table in (model.user_embeddings, model.item_embeddings):
        torch.testing.assert_close(table.norm(dim=1), torch.ones(len(table)))
    assert [name for name in TRAINED if METHODS[name].cosine] == ["ccl", "softmax"]


def test_negatives_need_an_item_that_is_left():
    full = Interactions.from_scipy(np.ones((3, 4)))
    with pytest.raises(Exception, match="found user 0 with every item"):
        Recommender("bpr", **QUICK).fit(full)
