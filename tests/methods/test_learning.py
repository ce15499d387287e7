"""What the methods do on real data, against figures that are known."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from fullrank import Recommender, load
from fullrank.data import Interactions, Split
from fullrank.methods import build_method
from fullrank.spectrum import effective_rank

# Resolved here: tests change the working directory, and the variable may hold a relative path.
FOLDER = Path(os.environ["FULLRANK_DATA"]).resolve() if "FULLRANK_DATA" in os.environ else None

pytestmark = pytest.mark.slow


def data_set(name: str) -> Split:
    if FOLDER is None or not (FOLDER / name).is_dir():
        pytest.skip(f"FULLRANK_DATA names no folder with {name}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FULLRANK_DATA", str(FOLDER))
        return load(name, validation=0)


def test_thirty_epochs_of_the_published_run():
    """Both figures were measured with the published code, constant tau and seed 0."""
    data = data_set("citeulike")
    model = Recommender(preset="published:citeulike", epochs=30, seed=0, threads=2).fit(data)
    assert model.evaluate(protocol="published", k=20)["ndcg@20"] == pytest.approx(0.1863, abs=4e-3)
    assert model.evaluate(k=20)["ndcg@20"] == pytest.approx(0.1863, abs=4e-3)
    ranks = [record["effective_rank"] for record in model.training["history"]]
    assert ranks[-1] > 63
    assert min(ranks) > 60


@pytest.fixture(scope="module")
def sparse() -> Interactions:
    return data_set("yelp-sparse").train


def ranks_of(method: str, data: Interactions, **settings: float) -> Iterator[float]:
    """The effective rank of the initial tables, then that after each epoch."""
    values = {"batch_size": 256, "sampler": "interactions", "lr": 13.0, "seed": 0, **settings}
    start = build_method(method, values).plan(data, "cpu")
    yield effective_rank(*start.encoder.tables())
    model = Recommender(method, threads=2, **values).fit(data)
    yield from (record["effective_rank"] for record in model.training["history"])


def test_positives_alone_collapse(sparse):
    ranks = list(ranks_of("log-positive", sparse, epochs=20))
    assert all(after <= before + 1e-6 for before, after in pairwise(ranks))
    assert ranks[8] < ranks[0] - 1
    assert ranks[20] < ranks[0] - 15


def test_balanced_embeddings_do_not(sparse):
    assert min(ranks_of("directspec+", sparse, epochs=8, alpha=0.8, tau=3.0)) > 60
