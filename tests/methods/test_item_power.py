"""The power of the items' lengths: what it does to rows, and how a fit finds it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import fullrank as fr
from fullrank.encoders import MF
from fullrank.errors import SettingError
from fullrank.evaluation import evaluate
from fullrank.methods import build_method, validating
from fullrank.methods.validating import Validator, climbed, ranked_tables
from fullrank.serving import DotScorer
from fullrank.spectrum.rows import to_power
from fullrank.training import Silent

QUICK = {"dim": 8, "batch_size": 64, "epochs": 12, "validate_every": 2}


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.75])
def test_rows_keep_their_directions_and_get_lengths_to_the_power(power):
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(50, 7)) * rng.lognormal(sigma=2, size=(50, 1))
    rows[4] = 0
    lengths = np.sqrt((rows**2).sum(axis=1))
    mean = np.sqrt((lengths**2).mean())
    wanted = np.zeros_like(rows)
    for at, length in enumerate(lengths):
        if length:
            wanted[at] = rows[at] / length * mean * (length / mean) ** power
    found = to_power(torch.from_numpy(rows), power)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-300)
    single = to_power(torch.from_numpy(rows).float(), power)
    np.testing.assert_allclose(single, wanted, rtol=1e-4)
    again = to_power(torch.from_numpy(rows), power, length=2 * mean)
    np.testing.assert_allclose(again, wanted * 2.0 ** (1 - power), rtol=1e-12, atol=1e-300)


def test_rows_without_length_stay():
    nothing = torch.zeros(3, 4)
    for power in (0.0, 0.5, 2.0):
        assert torch.equal(to_power(nothing, power), nothing)
    assert to_power(nothing, 1.0) is nothing


def test_a_power_of_one_is_the_tables_themselves():
    users, items = torch.randn(3, 4), torch.randn(5, 4)
    found = ranked_tables(build_method("bpr", {}), (users, items))
    assert torch.equal(found[0], users)
    assert torch.equal(found[1], items)


def test_climbs_to_the_nearest_summit_and_no_further_than_the_bounds():
    asked = []

    def score(power):
        asked.append(power)
        return -abs(power - 0.5)

    assert climbed(1.0, score) == (0.5, -0.0)
    assert asked == [1.0, 0.75, 0.5, 0.25]
    assert climbed(1.0, lambda power: power) == (4.0, 4.0)
    assert climbed(1.0, lambda power: -power) == (0.0, -0.0)
    assert climbed(1.0, lambda power: 0.0) == (1.0, 0.0)


def test_the_sample_chooses_and_all_users_are_the_metric(small, monkeypatch):
    """Of 200 users a sample of 40 is every fifth of those who can be evaluated."""
    generator = torch.Generator().manual_seed(1)
    sizes = small.train.n_users, small.train.n_items
    users, items = (torch.randn(n, 6, generator=generator) + 1 for n in sizes)
    items *= torch.from_numpy(small.train.item_degree + 1.0)[:, None].float() ** 0.2
    method = build_method("directspec+", {})
    asked = []

    def evaluated(scorer, *parts, users, **options):
        asked.append(users)
        return evaluate(scorer, *parts, users=users, **options)

    monkeypatch.setattr(validating, "SAMPLE", 40)
    monkeypatch.setattr(validating, "evaluate", evaluated)
    validator = Validator(method, MF(users, items), small.train, small.validation)
    power, metric = validator.climb(), validator()
    known = np.flatnonzero(small.validation.user_degree * small.train.user_degree)
    step = -(-len(known) // 40)
    assert step > 1
    for some in asked[:-1]:
        np.testing.assert_array_equal(some, known[::step])
    assert asked[-1] is None
    scorer = DotScorer(users, to_power(items, power))
    wanted = evaluate(scorer, small.validation, train=small.train, k=(20,), metrics=("ndcg",))
    assert metric == wanted["ndcg@20"]


def test_a_check_begins_at_the_power_that_is_given_and_is_of_the_rows_as_they_are(small):
    generator = torch.Generator().manual_seed(1)
    sizes = small.train.n_users, small.train.n_items
    users, items = (torch.randn(n, 6, generator=generator) + 1 for n in sizes)

    def metric(power):
        scorer = DotScorer(users, to_power(items, power))
        known = {"train": small.train, "k": (20,), "metrics": ("ndcg",)}
        return evaluate(scorer, small.validation, **known)["ndcg@20"]

    method = build_method("directspec+", {"item_power": 2.0})
    validator = Validator(method, MF(users, items), small.train, small.validation)
    assert validator() == metric(2.0) != metric(1.0)
    power = validator.climb()
    assert validator() == metric(power)
    items *= torch.from_numpy(small.train.item_degree + 1.0)[:, None].float()
    assert validator() == metric(power)  # not what it was before they changed


def test_a_fit_finds_the_power_and_the_model_ranks_by_it(small, tmp_path):
    model = fr.Recommender("directspec+", **QUICK, auto=("item_power",)).fit(small)
    power = model.training["chosen"]["item_power"]
    assert power != 1
    assert model.settings.item_power == power
    best = {row["epoch"]: row for row in model.training["history"]}[model.training["best_epoch"]]
    assert best["item_power"] == power
    found = evaluate(model.scorer, small.validation, train=small.train, k=(20,), metrics=("ndcg",))
    assert found["ndcg@20"] == model.training["validation_ndcg@20"]
    given = {**QUICK, "auto": (), **model.training["chosen"]}
    same = fr.Recommender("directspec+", **given).fit(small)
    assert "item_power" not in same.training["history"][-1]
    plain = fr.Recommender("directspec+", **given | {"item_power": 1.0}).fit(small)
    assert not torch.equal(plain.item_embeddings, model.item_embeddings)
    model.save(tmp_path / "model")
    loaded = fr.Recommender.load(tmp_path / "model")
    assert torch.equal(loaded.item_embeddings, model.item_embeddings)
    assert loaded.settings.item_power == power


@pytest.mark.slow
def test_a_stopped_fit_goes_on_with_the_power_that_it_had(small, tmp_path):
    class Stop(Silent):
        def epoch(self, record):
            if record["epoch"] == 7:
                raise KeyboardInterrupt

    options = {**QUICK, "auto": ("item_power",), "checkpoint_every": 1}
    whole = fr.Recommender("directspec+", **options).fit(small)
    file = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fr.Recommender("directspec+", **options).fit(small, checkpoint=file, reporter=Stop())
    rest = fr.Recommender("directspec+", **options).fit(small, checkpoint=file, resume=True)
    assert torch.equal(rest.item_embeddings, whole.item_embeddings)
    powers = [[row.get("item_power") for row in m.training["history"]] for m in (whole, rest)]
    assert powers[0] == powers[1]


def test_training_is_as_without_it(small):
    made = [
        fr.Recommender("bpr", dim=8, batch_size=64, epochs=3, item_power=power).fit(small.train)
        for power in (1.0, 0.5)
    ]
    assert torch.equal(made[0].user_embeddings, made[1].user_embeddings)
    assert torch.equal(to_power(made[0].item_embeddings, 0.5), made[1].item_embeddings)


@pytest.mark.parametrize(
    ("method", "values"),
    [("ccl", {"item_power": 0.5}), ("bpr", {"item_power": -1}), ("bpr", {"item_power": 4.5}),
     ("bpr", {"item_power": "auto"})],
)  # fmt: skip
def test_what_has_no_meaning_is_refused(method, values):
    with pytest.raises(SettingError, match="item_power"):
        build_method(method, values)
