"""The blend of ``method="auto"``: chosen by halves, kept only where it helps, served as a model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import fullrank as fr
from fullrank.data import Interactions, Split
from fullrank.errors import SettingError
from fullrank.evaluation import evaluate
from fullrank.methods import EASE, ItemKNN, Popularity
from fullrank.methods.fitting import fit
from fullrank.portfolio import blend as blending
from fullrank.portfolio.blend import Blend, Held, blend
from fullrank.portfolio.board import Line, Part
from fullrank.portfolio.contest import Contest
from fullrank.portfolio.fitting import fit as fit_any


def part_of(method, split, scorer=None) -> Part:
    fitted = fit(method, split.parts, "cpu")
    fitted = fitted if scorer is None else (scorer, fitted[1])
    figures = evaluate(fitted[0], split.validation, train=split.train, k=20, metrics=("ndcg",))
    return Part(method, fitted, figures)


class Oracle:
    """Scores the validation items of some users above all others; noise elsewhere."""

    def __init__(self, split, users, seed):
        rng = np.random.default_rng(seed)
        n = split.train.n_users, split.train.n_items
        self.n_users, self.n_items = n
        self.table = rng.random(n).astype(np.float32)
        known = np.isin(split.validation.user_idx, users)
        self.table[split.validation.user_idx[known], split.validation.item_idx[known]] += 3
        self.n_weights = self.table.size

    def scores(self, users):
        return torch.from_numpy(self.table[users.numpy()])


@pytest.fixture
def two_oracles(small):
    """Each knows half of the users; together they know all."""
    users = np.arange(small.train.n_users)
    return [
        part_of(method, small, Oracle(small, half, seed))
        for seed, (method, half) in enumerate(
            [(EASE(), users[users % 3 == 0]), (ItemKNN(), users[users % 3 > 0])]
        )
    ]


def test_parts_that_know_different_things_are_blended(two_oracles, small):
    found = blend(two_oracles, small.parts, 0)
    assert found.wins
    assert found.gain > 0.1
    assert 0 < found.at_least < found.gain
    assert found.part.value > max(part.value for part in two_oracles)
    weights = [part["weight"] for part in found.part.method.parts]
    assert sum(weights) == pytest.approx(1, abs=1e-4)
    names = {part["method"] for part in found.part.method.parts}
    assert names == {"ease", "itemknn"}


@pytest.mark.parametrize("few", [0, blending.FEW])
def test_gains_are_by_weights_of_the_other_half(two_oracles, small, monkeypatch, few):
    """Each user's is the mean over the divisions, of which there is one where scores are many."""
    seen, ndcg = [], Held.ndcg
    monkeypatch.setattr(blending, "FEW", few)
    monkeypatch.setattr(
        Held, "greedy", lambda self, users: seen.append(set(users)) or {0: 0.9, 1: 0.1 * len(seen)}
    )
    found = blend(two_oracles, small.parts, 0)
    users = np.sort(two_oracles[0].evaluation.users)
    assert len(seen) == (8 if few else 2)
    assert len({frozenset(half) for half in seen}) == len(seen)
    held = Held.of(two_oracles, users, small.parts)
    alone, gains = ndcg(held, {0: 1.0}, users), np.zeros(len(users))
    for at in range(0, len(seen), 2):
        assert not seen[at] & seen[at + 1]
        assert seen[at] | seen[at + 1] == set(users)
        for half, other in ((at, at + 1), (at + 1, at)):
            rows = np.array([row for row, user in enumerate(users) if user in seen[other]])
            weighed = ndcg(held, {0: 0.9, 1: 0.1 * (half + 1)}, users[rows])
            gains[rows] += (weighed - alone[rows]) / (len(seen) / 2)
    assert found.gain == pytest.approx(gains.mean(), abs=1e-12)
    total = sum(0.9 + 0.1 * (each + 1) for each in range(len(seen)))
    weights = [part["weight"] for part in found.part.method.parts]
    assert weights[0] == pytest.approx(0.9 * len(seen) / total, abs=1e-5)


def test_users_that_no_weights_were_chosen_by_say_what_the_blend_gains(
    two_oracles, small, monkeypatch
):
    monkeypatch.setattr(blending, "USERS", 60)
    checked = []
    once = blending._checked
    monkeypatch.setattr(
        blending,
        "_checked",
        lambda held, *rest: checked.append((held, once(held, *rest))) or checked[-1][1],
    )
    found = blend(two_oracles, small.parts, 0)
    ((held, (gains, _)),) = checked
    asked = np.flatnonzero(held.at >= 0)
    assert len(gains) == len(asked) == 60
    compared = two_oracles[0].evaluation.users
    others = np.isin(compared, asked, invert=True)
    assert others.sum() == len(compared) - 60
    blended = evaluate(
        found.part.fitted[0], small.validation, train=small.train, k=20, metrics=("ndcg",)
    )
    more = blended.per_user("ndcg@20")[others] - two_oracles[0].ndcg[others]
    assert found.gain == pytest.approx(np.concatenate((gains, more)).mean(), abs=1e-12)


def test_the_mean_of_weightings_has_the_parts_that_weigh_most():
    chosen = [{0: 0.5, 1: 0.5}, {0: 0.4, 2: 0.3, 3: 0.2, 4: 0.1}, {0: 1.0}]
    assert blending._mean(chosen) == pytest.approx(
        {0: 1.9 / 2.9, 1: 0.5 / 2.9, 2: 0.3 / 2.9, 3: 0.2 / 2.9}
    )


@pytest.mark.slow
def test_noise_does_not_win(small):
    """A second part without any knowledge: in some halves it helps by chance, on the others not."""
    best = part_of(EASE(), small)
    users = np.arange(0)
    won = 0
    for seed in range(8):
        noise = part_of(ItemKNN(), small, Oracle(small, users, seed))
        found = blend([best, noise], small.parts, seed)
        won += not isinstance(found, str) and found.wins
    assert won <= 1


def test_one_part_is_no_blend(small):
    assert blend([part_of(EASE(), small)], small.parts, 0) == "no second part near the best"


def test_time_and_memory_are_looked_at(two_oracles, small):
    assert blend(two_oracles, small.parts, 0, left=lambda: 0.0) == "no time left"
    why = blend(two_oracles, small.parts, 0, free=lambda: 1000)
    assert why == "0 users to choose weights by, and 40 are needed"


def test_held_scores_are_those_of_the_scorer(small):
    parts = [part_of(EASE(), small), part_of(Popularity(), small)]
    users = np.sort(parts[0].evaluation.users)
    held = Held.of(parts, users, small.parts)
    np.testing.assert_allclose(
        held.ndcg({0: 1.0}, users), parts[0].evaluation.per_user("ndcg@20"), atol=1e-12
    )


@pytest.fixture(scope="module")
def settings() -> Blend:
    quick = {"dim": 8, "batch_size": 64, "epochs": 2, "alpha": 0.6, "tau": 3.0, "lr": 3.0}
    return Blend(
        parts=(
            {"method": "directspec+", "settings": quick, "weight": 0.25},
            {"method": "ease", "settings": {}, "weight": 0.75},
        )
    )


def test_a_blend_is_a_model_like_any_other(settings, small, tmp_path):
    model = fr.Recommender(settings).fit(small)
    model.metrics = model.evaluate().to_dict()
    model.save(tmp_path / "m")
    loaded = fr.Recommender.load(tmp_path / "m")
    assert loaded.method == model.method == "blend"
    assert loaded.settings == settings
    assert loaded.metrics == model.metrics
    new = {"new": [model.items.values[3], model.items.values[8]]}
    for one, other in (
        (loaded.recommend(k=5), model.recommend(k=5)),
        (loaded.similar_items(model.items.values), model.similar_items(model.items.values)),
        (loaded.fold_in(new).recommend(k=5), model.fold_in(new).recommend(k=5)),
    ):
        assert len(one)
        assert one.equals(other)
    folded = model.fold_in(new)
    folded.save(tmp_path / "f")
    again = fr.Recommender.load(tmp_path / "f")
    assert again.recommend(k=5).equals(folded.recommend(k=5))
    assert again.fold_in(new).recommend(k=5).equals(folded.recommend(k=5))
    with pytest.raises(fr.FitError, match="no embeddings"):
        model.spectrum()


def test_a_blend_can_be_fitted_again(settings, small, tmp_path):
    model = fr.Recommender(settings).fit(small)
    model.save(tmp_path / "m")
    again = fr.Recommender(fr.Recommender.load(tmp_path / "m").settings).fit(small)
    assert again.recommend(k=5).equals(model.recommend(k=5))
    with pytest.raises(SettingError, match="resume: found method blend"):
        fit_any(settings, small.parts, "cpu", resume=True)


def test_auto_becomes_a_blend_that_wins(small, two_oracles, monkeypatch):
    lines = [Line(part.method.name, best=part) for part in two_oracles]
    monkeypatch.setattr(Contest, "run", lambda self: lines)
    monkeypatch.setattr("fullrank.portfolio.fitting.NEAR", 0.0)
    model = fr.Recommender("auto").fit(small)
    first, *others = model.training["auto"]["leaderboard"]
    assert (model.method, model.training["auto"]["won"]) == ("blend", "blend")
    assert first["method"] == "blend"
    assert first["note"].startswith("kept: +0.")
    assert first["settings"].keys() == {"ease", "itemknn"}
    values = [line["validation_ndcg@20"] for line in others]
    assert model.training["validation_ndcg@20"] == first["validation_ndcg@20"] > max(values)


def test_auto_keeps_a_single_method_where_a_blend_is_no_better(small, monkeypatch):
    noise = [part_of(EASE(), small), part_of(ItemKNN(), small, Oracle(small, np.arange(0), 1))]
    lines = [Line(part.method.name, best=part) for part in noise]
    monkeypatch.setattr(Contest, "run", lambda self: lines)
    monkeypatch.setattr("fullrank.portfolio.fitting.NEAR", 0.0)
    model = fr.Recommender("auto").fit(small)
    assert model.method == "ease"
    last = model.training["auto"]["leaderboard"][-1]
    assert (last["method"], last["validation_ndcg@20"]) == ("blend", None)
    assert last["note"].startswith("left out: ")


def test_weights_of_interactions_reach_the_parts(small):
    frame = small.train.to_frame()
    rng = np.random.default_rng(0)
    weighted = Interactions.from_frame(
        frame.with_columns(weight=rng.integers(1, 6, len(frame)).astype(float))
    )
    two = Blend(
        parts=(
            {"method": "ease", "settings": {}, "weight": 0.5},
            {"method": "spectral", "settings": {"rank": 8}, "weight": 0.5},
        )
    )
    assert two.uses_weights
    split = Split("weighted", weighted, None, None)
    plain = fr.Recommender(two).fit(small.train).recommend(k=5)
    assert not fr.Recommender(two).fit(split).recommend(k=5).equals(plain)


def test_greedy_takes_nothing_that_does_not_help(small):
    """Scores against what the best part knows help in no half."""
    best = part_of(EASE(), small)
    against = part_of(ItemKNN(), small, Oracle(small, np.arange(0), 0))
    scorer = against.fitted[0]
    scorer.table = -best.fitted[0].scores(torch.arange(small.train.n_users)).numpy()
    users = np.sort(best.evaluation.users)
    assert Held.of([best, against], users, small.parts).greedy(users) == {0: 1.0}
    assert blend([best, against], small.parts, 0) == "no part that helps ease"
