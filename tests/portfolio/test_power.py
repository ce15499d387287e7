"""The power of popularity that a contest finds for each trial."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from contests import contest

from fullrank.evaluation import evaluate
from fullrank.methods import build_method
from fullrank.methods.fitting import fit, vary
from fullrank.portfolio import popularity
from fullrank.portfolio.board import ndcg
from fullrank.portfolio.entries import ENTRIES
from fullrank.portfolio.popularity import best_power

METHODS = ("itemknn", "bspm", "ials", "sgfcf")


def figures(method, of, fitted, split, users=None):
    varied = vary(method, of, fitted, split.train)
    known = {"train": split.train, "metrics": ("ndcg",), "k": (20,), "users": users}
    return evaluate(varied[0], split.validation, **known)


def no_better(other, than) -> bool:
    """By more than the standard error of the mean of the users' differences."""
    differences = ndcg(other) - ndcg(than)
    return differences.mean() <= differences.std() / np.sqrt(len(differences))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("first", [0.0, -0.4, 0.7])
def test_it_is_better_than_its_neighbours_by_models_that_are_evaluated(small, name, first):
    method = build_method(name, {"popularity": first})
    fitted = fit(method, {"train": small.train}, "cpu")
    found, said = best_power(method, fitted[0], small.parts, None)
    assert -2 <= found <= 2
    below, here, above = (
        figures(method.replace(popularity=p), method, fitted, small)
        for p in (found - 0.1, found, found + 0.1)
    )
    np.testing.assert_allclose(ndcg(said), ndcg(here), atol=1e-12)
    assert no_better(below, here)
    assert no_better(above, here)
    if found == first:
        return
    way = 0.1 if found > first else -0.1  # each step on the way was better than the last
    passed = np.arange(first, found + way / 2, way)
    course = [figures(method.replace(popularity=p), method, fitted, small) for p in passed]
    assert not any(no_better(on, last) for last, on in pairwise(course))


def test_a_filter_that_leaves_much_of_popularity_out_is_led_back_to_it(small):
    method = build_method("itemknn", {"popularity": -0.9})
    fitted = fit(method, {"train": small.train}, "cpu")
    assert best_power(method, fitted[0], small.parts, None)[0] > -0.9


def test_some_users_choose_where_scores_are_many(small, monkeypatch):
    monkeypatch.setattr(popularity, "BYTES", 4 * small.train.n_items * 30)
    monkeypatch.setattr(popularity, "LEAST", 10)
    method = build_method("bspm", {"rank": 16})
    fitted = fit(method, {"train": small.train}, "cpu")
    asked = []
    scores = type(fitted[0]).scores
    monkeypatch.setattr(
        type(fitted[0]), "scores", lambda self, users: asked.append(users) or scores(self, users)
    )
    found, said = best_power(method, fitted[0], small.parts, None)
    (users,) = asked  # their scores are computed once
    both = np.flatnonzero(small.train.user_degree * small.validation.user_degree)
    assert 15 <= len(users) <= 30
    assert set(users.tolist()) <= set(both.tolist())
    monkeypatch.undo()
    assert said.users.tolist() == users.tolist()
    below, here, above = (
        figures(method.replace(popularity=p), method, fitted, small, users.numpy())
        for p in (found - 0.1, found, found + 0.1)
    )
    assert no_better(below, here)
    assert no_better(above, here)


@pytest.mark.slow
def test_each_trial_of_a_contest_has_its_own(small):
    entries = [each for each in ENTRIES if each.method == "gf-cf"]
    (line,) = contest(small, entries=entries).run()
    assert len(line.trials) > 3
    for trial in line.trials:
        method = build_method("gf-cf", trial["settings"])
        fitted = fit(method, {"train": small.train}, "cpu")
        assert figures(method, method, fitted, small)["ndcg@20"] == trial["validation_ndcg@20"]
        assert best_power(method, fitted[0], small.parts, None)[0] == method.popularity
    moved = [{**trial["settings"], "popularity": None} for trial in line.trials]
    assert all(each not in moved[:at] for at, each in enumerate(moved))  # none twice
    assert len({trial["settings"]["popularity"] for trial in line.trials}) > 1


def test_without_users_it_stays(small):
    method = build_method("itemknn", {"popularity": 0.3})
    scorer = fit(method, {"train": small.train}, "cpu")[0]
    nobody = np.array([], dtype=np.int64)
    assert best_power(method, scorer, small.parts, nobody) == (0.3, None)
