"""`Recommender.evaluate`, and the parts that a fit looks at."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from recommending import QUICK

import fullrank as fr
from fullrank import DataError, FitError, Interactions, Recommender
from fullrank.evaluation import evaluate
from fullrank.serving import DotScorer


def test_evaluate_is_the_evaluation_room(model, small):
    scorer = DotScorer(model.user_embeddings, model.item_embeddings)
    parts = {"train": small.train, "validation": small.validation}
    for options in (
        {},
        {"k": 5},
        {"protocol": "published"},
        {"k": (3, 7), "metrics": ("recall", "ndcg")},
    ):
        ours, direct = model.evaluate(**options), evaluate(scorer, small.test, **parts, **options)
        assert dict(ours) == dict(direct)
        assert direct.protocol.items() <= ours.protocol.items()
    assert dict(model.evaluate(small.test)) == dict(model.evaluate())


def test_an_evaluation_says_what_it_was_made_of(model, small):
    protocol = model.evaluate().protocol
    assert (protocol["method"], protocol["seed"]) == ("directspec+", 0)
    assert protocol["unknown_pairs_left_out"] == 0
    assert protocol["masked"] == ["train", "validation"]
    assert protocol["data"] == small.name
    assert protocol["fingerprints"] == {n: part.fingerprint for n, part in small.parts.items()}
    assert protocol["versions"]["torch"] == torch.__version__


def test_repeated_rows_count_alike_in_a_frame_and_in_a_part(small):
    """Protocol ``published`` counts a test item as often as the data have the pair."""
    rng = np.random.default_rng(0)
    model = Recommender("popularity").fit(small)
    own = small.test.to_frame()
    rows = pl.concat([own, own[rng.integers(0, len(own), 300)]])
    ids = {"users": small.train.users, "items": small.train.items}
    part = Interactions.from_frame(rows, **ids)
    at = {"protocol": "published", "k": 20}
    expected = evaluate(model.scorer, part, train=small.train, **at)
    assert dict(expected) != dict(evaluate(model.scorer, small.test, train=small.train, **at))
    assert dict(model.evaluate(part, **at)) == dict(expected)
    found = model.evaluate(rows.sample(fraction=1, shuffle=True, seed=1), **at)  # other row numbers
    assert dict(found) == dict(expected)
    assert found.protocol["test_rows"] == len(rows)


def test_without_a_held_out_part_there_is_nothing_to_evaluate(small):
    alone = Recommender(**QUICK).fit(small.train)
    assert alone.test is None
    with pytest.raises(DataError, match="no held-out part"):
        alone.evaluate()
    assert 0 < alone.evaluate(small.test)["ndcg@20"] < 1


@pytest.mark.slow
def test_the_test_part_is_not_looked_at(small):
    without = fr.Split("x", small.train, small.validation, None)
    a, b = (Recommender(**QUICK).fit(split) for split in (small, without))
    assert torch.equal(a.user_embeddings, b.user_embeddings)


def test_a_validation_part_chooses_the_epoch(small):
    # BPR without weight decay overfits these data by a tenth, on any machine's arithmetic.
    options = {**QUICK, "epochs": 28, "validate_every": 1, "patience": 28, "lr": 5.0}
    model = Recommender("bpr", **options).fit(small)
    training = model.training
    checks = [record["validation_ndcg@20"] for record in training["history"]]
    assert training["validation_ndcg@20"] == max(checks)
    assert training["best_epoch"] == 1 + int(np.argmax(checks))
    assert training["best_epoch"] < 28, "a run whose last epoch is best shows nothing"
    again = evaluate(
        DotScorer(model.user_embeddings, model.item_embeddings), small.validation, train=small.train
    )
    assert again["ndcg@20"] == max(checks)
    shorter = Recommender("bpr", **options | {"epochs": training["best_epoch"]}).fit(small.train)
    assert torch.equal(shorter.item_embeddings, model.item_embeddings)
    assert training["epochs"] == 28
    of_trained = fr.spectrum.effective_rank(*model._tables(), where=model._trained.rows)
    assert training["effective_rank"] == of_trained


def test_validation_must_share_its_ids(small):
    other = Interactions.from_frame(pl.DataFrame({"user_id": ["u1"], "item_id": ["i1"]}))
    with pytest.raises(FitError, match="parts of one split"):
        Recommender(**QUICK).fit(small.train, other)
    rows = small.validation.item_idx, small.validation.user_idx
    swapped = Interactions.from_rows(small.train.items, small.train.users, *rows)
    with pytest.raises(FitError, match="parts of one split"):
        Recommender(**QUICK).fit(small.train, swapped)
    with pytest.raises(FitError, match="validation: found a DataFrame; expected Interactions"):
        Recommender(**QUICK).fit(small.train, small.validation.to_frame())


def test_a_validation_part_without_pairs_is_none(small):
    nothing = small.validation.select(np.arange(0))
    model = Recommender(**QUICK).fit(small.train, nothing)
    assert model.training["best_epoch"] is None
