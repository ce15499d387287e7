"""``final``: what was chosen, fitted on train and validation together, by every way to a model."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import fullrank as fr
from fullrank.data import Interactions, Split
from fullrank.data.joining import joined
from fullrank.portfolio.blend import Blend
from fullrank.portfolio.board import METRIC
from fullrank.portfolio.contest import Contest
from fullrank.portfolio.entries import Entry

QUICK = {"dim": 8, "batch_size": 64, "epochs": 12, "validate_every": 2}
BLEND = Blend(
    parts=(
        {"method": "bpr", "settings": QUICK | {"lr": 3.0}, "weight": 0.25},
        {"method": "ease", "settings": {}, "weight": 0.75},
    )
)


@pytest.fixture(scope="module")
def whole(small) -> Interactions:
    return joined(small.train, small.validation)


def pairs_of(data) -> list[tuple[int, int]]:
    return list(zip(data.user_idx.tolist(), data.item_idx.tolist(), strict=True))


def test_all_pairs_are_there_once(small, whole):
    assert pairs_of(whole) == sorted(pairs_of(small.train) + pairs_of(small.validation))
    assert (whole.users, whole.items) == (small.train.users, small.train.items)
    assert whole.weight is whole.timestamp is None


def test_weights_and_times_stay_with_their_pairs(small):
    rows = np.arange(small.train.n_users)
    parts = [
        Interactions.from_rows(
            small.train.users, small.train.items, rows, np.full(len(rows), item),
            weight=rows + 10.0 * item + 1, timestamp=1000 * item + rows,
        )
        for item in (3, 1)
    ]  # fmt: skip
    both = joined(*parts)
    np.testing.assert_array_equal(both.weight, (rows[:, None] + [11.0, 31.0]).ravel())
    np.testing.assert_array_equal(both.timestamp, (rows[:, None] + [1000, 3000]).ravel())
    plain = joined(parts[0], small.validation)
    assert plain.timestamp is None
    assert plain.weight.sum() == pytest.approx(parts[0].weight.sum() + len(small.validation))


@pytest.mark.parametrize("method", ["ease", "allpass", "popularity"])
def test_a_method_without_epochs(small, whole, method):
    alone = fr.Recommender(method).fit(whole)
    model = fr.Recommender(method).fit(small, final=True)
    assert model.recommend(k=5).equals(alone.recommend(k=5))
    assert model.training["final"] == {
        "parts": ["train", "validation"], "interactions": len(whole),
    }  # fmt: skip
    assert model.train.fingerprint == whole.fingerprint


@pytest.mark.slow
@pytest.mark.parametrize("method", ["bpr", "directspec+"])
def test_a_trained_method_has_the_epochs_and_settings_that_were_found(small, whole, method):
    first = fr.Recommender(method, **QUICK).fit(small)
    model = fr.Recommender(method, **QUICK).fit(small, final=True)
    found = first.training.get("chosen") or {}
    auto = {"auto": ()} if found else {}
    best = {"epochs": first.training["best_epoch"]}
    assert best["epochs"] < QUICK["epochs"] or method == "bpr"
    alone = fr.Recommender(method, **QUICK | best | found | auto).fit(whole)
    assert model.recommend(k=5).equals(alone.recommend(k=5))
    assert model.training["epochs"] == best["epochs"]
    for name in ("chosen", "search", METRIC):
        assert model.training.get(name) == first.training.get(name)
    assert model.settings == first.settings  # so that it is searched again when fitted again


def test_a_blend(small, whole):
    first = fr.Recommender(BLEND).fit(small)
    epochs = first.training["parts"][0]["best_epoch"]
    assert 0 < epochs <= QUICK["epochs"]
    settings = QUICK | {"lr": 3.0, "epochs": epochs}
    fixed = Blend(parts=(BLEND.parts[0] | {"settings": settings}, BLEND.parts[1]))
    alone = fr.Recommender(fixed).fit(whole)
    model = fr.Recommender(BLEND).fit(small, final=True)
    assert model.recommend(k=5).equals(alone.recommend(k=5))


@pytest.fixture
def few(monkeypatch):
    entries = (Entry("popularity"), Entry("ease", {"ridge": (60.0, 1000.0)}))
    run = partial(Contest, entries=entries)
    monkeypatch.setattr("fullrank.portfolio.fitting.Contest", run)


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_auto(small, whole, tmp_path):
    first, model = (fr.Recommender().fit(small, final=final) for final in (False, True))
    alone = fr.Recommender(first.settings).fit(whole)
    assert model.settings == first.settings
    assert model.recommend(k=5).equals(alone.recommend(k=5))
    assert model.training["auto"]["leaderboard"][0]["method"] == model.method == "ease"
    assert model.training[METRIC] == first.training[METRIC]
    known = {(small.train.users.values[u], small.train.items.values[i]) for u, i in pairs_of(whole)}
    assert not known & set(model.recommend(k=5).select("user_id", "item_id").iter_rows())
    figures = model.evaluate(k=5)
    assert figures == alone.evaluate(small.test, k=5)
    model.save(tmp_path / "m")
    loaded = fr.Recommender.load(tmp_path / "m")
    assert loaded.training["final"]["interactions"] == len(whole)
    assert loaded.evaluate(k=5) == figures


@pytest.mark.usefixtures("few")
def test_stopped_in_the_last_fit_it_is_the_one_before(small, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fullrank.portfolio.final.fit_method", interrupted)
    model = fr.Recommender()
    with pytest.raises(KeyboardInterrupt):
        model.fit(small, final=True)
    assert model.train is small.train
    assert "final" not in model.training
    assert len(model.recommend(k=3))


def test_without_a_validation_part_there_is_nothing_more_to_fit_on(small):
    split = Split("x", small.train, None, small.test)
    model = fr.Recommender("ease").fit(split, final=True)
    assert "final" not in model.training
    assert model.recommend(k=5).equals(fr.Recommender("ease").fit(split).recommend(k=5))
