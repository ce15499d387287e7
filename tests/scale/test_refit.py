"""Fits that begin with a model's rows, and last fits on everything, by several workers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import fullrank as fr
from fullrank.errors import SettingError
from fullrank.methods.starting import Start
from fullrank.scale import fit, refit
from fullrank.scale.blocks import bounds
from fullrank.scale.cluster import cluster
from fullrank.scale.fitting import job_of
from fullrank.scale.sources import InMemory
from fullrank.scale.tables import given_blocks

pytestmark = pytest.mark.posix
VALUES = {"epochs": 2, "batch_size": 64, "dim": 8, "threads": 1, "device": "cpu", "lr": 0.01}
VALUES |= {"optimizer": "adam"}
NAMES = ("user_embeddings", "item_embeddings")


def model(name="bpr", **values):
    return fr.Recommender(name, **{**VALUES, **values})


def yesterday(small):
    """A model of the first half of the items: the others are new."""
    train = small.train
    return model(seed=5).fit(train.select(train.item_idx < train.n_items // 2))


def close(one, other):
    for name in NAMES:
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=0, atol=1e-4)


def test_blocks_of_the_rows_that_training_begins_with(small):
    """Together they are the tables that one process begins with, new rows as drawn among them."""
    old, train = yesterday(small), small.train
    method = model().settings
    parts = {"train": train}
    job = job_of(method, parts, InMemory.of(parts), "global", Start.of(old))
    plan = method.plan(train, "cpu")
    Start.of(old).put(plan.encoder.parameters, train)
    edges = {"user_table": bounds(train.n_users, 3), "item_table": bounds(train.n_items, 3)}
    blocks = [given_blocks(job.start, edges, rank) for rank in range(3)]
    for side, table in enumerate(plan.encoder.tables()):
        assert torch.equal(torch.cat([block[side] for block in blocks]), table)
    assert job.identity != job_of(method, parts, InMemory.of(parts), "global").identity


@pytest.mark.slow
def test_started_and_fitted_in_the_end_as_one_process_does(small):
    old = yesterday(small)
    with cluster(2):
        made = fit(model(), small, workers=2, start_from=old)
        plain = model().fit(small, start_from=old)
        close(made, plain)
        drawn = fit(model(), small, workers=2)
        assert not torch.allclose(drawn.user_embeddings, made.user_embeddings, atol=1e-3)
        refit(made, workers=2, start_from=old)
    plain.refit(start_from=old)
    close(made, plain)
    assert made.training["final"] == plain.training["final"]
    assert made.training["final"]["interactions"] == sum(map(len, small.parts.values()))
    assert made.training["workers"] == 2
    assert made.training["best_epoch"] == plain.training["best_epoch"]
    assert np.array_equal(made.train.indptr, plain.train.indptr)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"dim": 4}, "start_from, model bpr: found rows of width 8; expected setting dim, 4"),
        (
            {"encoder": "lightgcn", "propagation": "factored", "optimizer": "sgd"},
            "start_from: found encoder lightgcn with several workers; expected encoder = mf",
        ),
    ],
)
def test_rows_that_do_not_fit_are_refused_before_anything_starts(small, values, line):
    with pytest.raises(SettingError, match=line):
        fit(model(**values), small, workers=2, start_from=yesterday(small))
