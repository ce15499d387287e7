"""What is never to be shown, from the events to the lists, the figures and the folders."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from command import QUICK, assert_refused, fullrank
from event_log import WEIGHTS, drawn_events

import fullrank as fr
from fullrank.data import Columns, Interactions
from fullrank.evaluation import evaluate

OPTIONS = ("--event-column", "kind", "--event-weights", "view=1,cart=3,purchase=10,dislike=-1")


@pytest.fixture(scope="module")
def events() -> pl.DataFrame:
    return drawn_events()


@pytest.fixture(scope="module")
def fitted(events, tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    events.write_parquet(folder / "e.parquet")
    run = fullrank(
        *("fit", folder / "e.parquet", *OPTIONS, "--half-life", "90d", "--method", "itemknn"),
        *("--threads", 1, "-o", folder / "m", "--json"),
    )
    assert run.code == 0, run.err
    return folder, run.json


@pytest.mark.slow
def test_a_model_never_shows_what_was_disliked(events, fitted):
    folder, _ = fitted
    model = fr.Recommender.load(folder / "m")
    disliked = set(events.filter(pl.col("kind") == "dislike").select("user_id", "item_id").rows())
    assert set(model.train.never.to_frame().rows()) == disliked
    for options in ({}, {"exclude_seen": False}, {"exclude": ("train", "validation", "test")}):
        lists = model.recommend(k=50, **options).select("user_id", "item_id").rows()
        assert not disliked & set(lists)
    without = model.train.never  # the same model would show them
    model.train.never = None
    lists = model.recommend(k=50, exclude_seen=False).select("user_id", "item_id").rows()
    assert disliked & set(lists)
    model.train.never = without


def test_the_figures_are_of_the_lists(fitted):
    folder, document = fitted
    assert document["test"]["protocol"]["masked"] == ["train", "validation", "never"]
    again = fullrank("evaluate", folder / "m", "--json").json
    assert again["metrics"] == document["test"]["metrics"]


def test_what_is_never_shown_makes_room_for_the_next(scorer_of):
    """The best item is disliked, so the second is the first of the list, and a hit."""
    ids = [fr.Ids(pl.Series(each)) for each in (["u", "v"], ["a", "b", "c"])]

    def part(*rows):
        users, items = zip(*rows, strict=True)
        return Interactions.from_rows(*ids, np.array(users), np.array(items))

    train, test = part((0, 0), (1, 1), (1, 2)), part((0, 2))
    scorer = scorer_of([[1, 3, 2], [0, 0, 0]])
    assert evaluate(scorer, test, train=train, k=1)["recall@1"] == 0
    train.never = part((0, 1))
    found = evaluate(scorer, test, train=train, k=1)
    assert found["recall@1"] == 1
    assert found.protocol["masked"] == ["train", "never"]


@pytest.mark.slow
def test_a_split_keeps_them(events, fitted):
    folder, _ = fitted
    split = fullrank("data", "split", folder / "e.parquet", *OPTIONS, "-o", folder / "parts")
    assert split.code == 0, split.err
    one = fr.load(folder / "e.parquet", columns=Columns(event="kind", event_weights=WEIGHTS))
    for loaded in (fr.load(folder / "parts"), fr.load(folder / "parts", validation=0)):
        assert sorted(loaded.train.never.to_frame().rows()) == sorted(
            one.train.never.to_frame().rows()
        )
    again = fullrank("data", "split", folder / "e.parquet", *OPTIONS, "-o", folder / "parts")
    assert again.code == 0, again.err
    core = fr.load(folder / "e.parquet", columns=one_columns(), min_interactions=3)
    assert core.train.never.n_users == core.train.n_users


def one_columns() -> Columns:
    return Columns(event="kind", event_weights=WEIGHTS)


@pytest.mark.slow
def test_a_final_fit_keeps_them(events, fitted):
    folder, _ = fitted
    model = fr.Recommender("itemknn", threads=1)
    model.fit(fr.load(folder / "e.parquet", columns=one_columns()), final=True)
    assert model.train.never is not None
    model.save(folder / "final")
    assert len(fr.Recommender.load(folder / "final").train.never) == len(model.train.never)


@pytest.mark.parametrize("method", ["itemknn", "bpr"])
def test_users_who_are_folded_in_keep_them(fitted, tmp_path, method):
    folder, _ = fitted
    settings = {"epochs": 1, "dim": 8} if method == "bpr" else {}
    model = fr.Recommender(method, **settings).fit(pl.read_parquet(folder / "e.parquet"))
    frame = pl.DataFrame(
        {
            "user_id": ["new"] * 4 + ["other"],
            "item_id": ["i0", "i1", "i30", "i40", "i0"],
            "kind": ["view", "cart", "dislike", "dislike", "view"],
        }
    )
    folded = model.fold_in(Interactions.from_frame(frame, columns=one_columns()))
    lists = set(folded.recommend(k=50).select("user_id", "item_id").rows())
    assert not {("new", "i30"), ("new", "i40")} & lists
    assert {("other", "i30"), ("other", "i40")} <= lists
    folded.save(tmp_path / "m")
    assert (
        set(fr.Recommender.load(tmp_path / "m").recommend(k=50)["user_id", "item_id"].rows())
        == lists
    )


@pytest.mark.slow
def test_a_method_without_weights_says_so(fitted):
    folder, _ = fitted
    split = fr.load(folder / "e.parquet", columns=one_columns())
    with pytest.warns(UserWarning, match="weights: "):
        fr.Recommender("bpr", epochs=1, dim=8, threads=1).fit(split)


@pytest.mark.slow
def test_bad_options(fitted):
    folder, _ = fitted
    fit = ("fit", folder / "e.parquet", "-o", folder / "n", *QUICK)
    run = fullrank(*fit, "--event-column", "kind", "--event-weights", "view=1")
    assert_refused(run, "column kind: found the kinds view", "purchase")
    assert_refused(fullrank(*fit, "--event-weights", "view"), "option --event-weights")
    manifest = json.loads((folder / "m/manifest.json").read_text())
    assert "never" in manifest["files"]
