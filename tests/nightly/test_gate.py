"""The gate: what the old model has not seen, and who is better on it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from versioned import events, split_of

from fullrank import FitError, Interactions, Recommender, SettingError, Split
from fullrank.data.splits import random_split
from fullrank.nightly import Gate
from fullrank.nightly.gate import _Translated

GOOD = {"dim": 8, "epochs": 8, "batch_size": 64}
BAD = GOOD | {"epochs": 0}


@pytest.fixture(scope="module")
def tonight():
    """A division of everything that is known tonight."""
    return split_of(events(300, 40))


@pytest.fixture(scope="module")
def yesterday(tonight):
    """A model of a part of it: two thirds of the pairs, 250 users, 35 items."""
    frame = events(300, 40).sample(fraction=0.66, seed=3)
    return frame.filter((frame["user_id"] < 250) & (frame["item_id"] < 35))


def by_hand(new, old):
    """Means over users of ndcg@20 on what the old model has not seen, by plain loops."""
    had = set(zip(old.train.to_frame()["user_id"], old.train.to_frame()["item_id"], strict=True))
    test: dict[int, set[int]] = {}
    for u, i in new.test.to_frame().select("user_id", "item_id").rows():
        if (u, i) not in had:
            test.setdefault(u, set()).add(i)
    masked: dict[int, set[int]] = {}
    for part in (new.train, new.validation, old.train):
        for u, i in part.to_frame().select("user_id", "item_id").rows():
            masked.setdefault(u, set()).add(i)
    items = new.items.values.to_list()
    popular = dict(zip(old.items.values.to_list(), old.train.item_degree.tolist(), strict=True))
    figures = []
    for model in (new, old):
        values = []
        for user in sorted(test):
            if not any(user == u for u in new.train.users.values.to_list()):
                continue
            row = int(model.users.rows([user])[0])
            known = row >= 0
            scores = model.scorer.scores(torch.tensor([max(row, 0)]))[0].tolist() if known else []
            ranked = []
            for item in items:
                at = int(model.items.rows([item])[0])
                if at < 0 or item in masked.get(user, set()):
                    continue
                ranked.append((-(scores[at] if known else popular[item]), item))
            ranked.sort()
            gain = sum(1 / math.log2(place + 2) for place, (_, item) in enumerate(ranked[:20])
                       if item in test[user])  # fmt: skip
            best = sum(1 / math.log2(place + 2) for place in range(min(20, len(test[user]))))
            values.append(gain / best)
        figures.append(np.mean(values))
    return figures


@pytest.mark.slow
def test_the_better_one_passes_and_the_figures_are_those_by_hand(tonight, yesterday):
    old = Recommender("ease").fit(yesterday)
    new = Recommender("ease").fit(tonight)
    found = Gate(old).judge(new)
    ours, theirs = by_hand(new, old)
    assert found.new == pytest.approx(ours, abs=5e-3)  # ties are broken otherwise
    assert found.old == pytest.approx(theirs, abs=5e-3)
    assert found.passed
    assert found.new > found.old
    low, high = found.between
    assert low < found.new - found.old < high
    assert found.users >= 100
    assert found.pairs < len(new.test)
    assert "that the old model had not seen: taken" in str(found)


def test_of_two_draws_of_the_same_data_either_is_as_far_above_the_other():
    """Each remembers what the other holds out: neither may lose for having that in its lists."""
    data = Interactions.from_frame(events(600, 60))
    one, two = (
        Recommender("ease").fit(random_split(data, test=0.2, validation=0.1, seed=seed))
        for seed in (1, 2)
    )
    there, back = Gate(one).judge(two), Gate(two).judge(one)
    assert there.between is not None
    assert (there.new, there.old) == pytest.approx((back.old, back.new), abs=1e-12)
    assert there.passed != back.passed


def test_a_rejection_that_chance_may_have_made_says_so():
    """Of two draws of the same data one is below the other, without being worse."""
    data = Interactions.from_frame(events(600, 60))
    one, two = (
        Recommender("ease").fit(random_split(data, test=0.2, validation=0.1, seed=seed))
        for seed in (1, 2)
    )
    found = (Gate(one).judge(two), Gate(two).judge(one))
    (rejected,) = (each for each in found if not each.passed)
    (taken,) = (each for each in found if each.passed)
    low, high = rejected.between
    assert rejected.noise == pytest.approx((high - low) / 2 / rejected.old)
    assert f"(chance may do that: two as good differ by up to {rejected.noise:.1%})" in str(
        rejected
    )
    assert rejected.to_dict()["by_chance"]
    assert not taken.by_chance
    assert "chance" not in str(taken)
    patient = dataclasses.replace(rejected, tolerance=rejected.noise + 0.02)
    worse = dataclasses.replace(rejected, between=(-0.2, -0.001))
    assert patient.by_chance
    assert not worse.by_chance
    assert not dataclasses.replace(worse, tolerance=0.0005 / worse.old).by_chance
    assert dataclasses.replace(worse, tolerance=0.002 / worse.old).by_chance


def test_a_worse_one_does_not_pass_unless_within_the_tolerance(tonight, yesterday):
    old, new = Recommender("ease").fit(yesterday), Recommender("bpr", **BAD).fit(tonight)
    found = Gate(old).judge(new)
    assert not found.passed
    assert "worse by more than 0.0%, not taken" in str(found)
    assert f"({found.new / found.old - 1:+.1%})" in str(found)
    share = 1 - found.new / found.old
    assert Gate(old, share + 0.01).judge(new).passed
    assert not Gate(old, share - 0.01).judge(new).passed


def test_an_old_one_that_knows_it_all_is_compared_by_what_was_measured_of_it(tonight):
    old = Recommender("ease").fit(tonight)
    old.metrics = old.evaluate(k=(20,)).to_dict()
    old.refit()
    assert old.test is None
    better = Gate(old).judge(Recommender("ease").fit(tonight))
    assert better.passed
    assert better.new == pytest.approx(better.old)
    worse = Gate(old).judge(Recommender("bpr", **BAD).fit(tonight))
    assert not worse.passed
    assert worse.between is None
    assert "each on its own held-out part" in str(worse)
    old.metrics = {}
    assert Gate(old).judge(Recommender("bpr", **BAD).fit(tonight)).passed


def test_pairs_are_those_that_the_old_one_neither_learned_nor_was_chosen_by(
    tonight, yesterday, monkeypatch
):
    old = Recommender("ease").fit(split_of(yesterday))
    new = Recommender("ease").fit(tonight)
    had = {pair for part in (old.train, old.validation) for pair in pairs_of(part)}
    unseen = [pair for pair in pairs_of(new.test) if pair not in had]
    found = Gate(old).judge(new)
    assert found.pairs == len(unseen)
    assert found.users == len({user for user, _ in unseen})
    monkeypatch.setattr("fullrank.nightly.gate.FEWEST", found.users)
    assert Gate(old).judge(new).between is not None


def pairs_of(part) -> list[tuple[int, int]]:
    return part.to_frame().select("user_id", "item_id").rows()


def test_users_without_training_are_not_asked():
    data = Interactions.from_frame(events(300, 40))
    held = np.random.default_rng(0).random(len(data)) < 0.3
    held |= data.user_idx < 7
    split = Split("night", data.select(~held), None, data.select(held), {})
    old = Recommender("popularity").fit(events(300, 40, seed=1))
    found = Gate(old).judge(Recommender("ease").fit(split))
    assert 100 <= found.users <= 293


def test_what_the_old_one_has_not_trained_gets_what_it_would_give():
    data = Interactions.from_frame(events(30, 10))
    trained = data.select((data.user_idx != 0) & (data.item_idx != 3))
    old = Recommender("ease").fit(Split("before", trained, None, None, {}))
    scores = _Translated(old, data).scores(torch.tensor([0, 1])).numpy()
    assert (scores[:, 3] == -np.inf).all()
    popular = np.where(np.arange(10) == 3, -np.inf, trained.item_degree)
    assert scores[0].tolist() == popular.tolist()
    assert scores[1].tolist() != popular.tolist()


def test_fewer_items_than_are_looked_at():
    data = split_of(events(300, 8))
    old = Recommender("popularity").fit(events(300, 8, seed=1))
    assert Gate(old).judge(Recommender("ease").fit(data)).new is not None


def test_what_is_refused(tonight, yesterday):
    old = Recommender("popularity").fit(yesterday)
    with pytest.raises(FitError, match="no held-out part"):
        Gate(old).judge(Recommender("popularity").fit(yesterday))
    for share in (-0.1, 1.0, 1.5):
        with pytest.raises(SettingError, match="tolerance"):
            Gate(old, share)
