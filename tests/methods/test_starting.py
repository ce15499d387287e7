"""Training that begins with the embeddings of another model."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from command import QUICK, fullrank

from fullrank import METHODS, FitError, Recommender, SettingError
from fullrank.methods.base import TrainedMethod

TABLES = sorted(
    name
    for name, method in METHODS.items()
    if issubclass(method, TrainedMethod)
    and name != "gde"
    and getattr(method(), "encoder", "mf") != "lightgcn"  # ranks with rows of the whole graph
)


def events(users: range, items: range, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    pairs = [(u, i) for u in users for i in items if rng.random() < 0.4 or (u + i) % 9 == 0]
    return pl.DataFrame(pairs, schema=["user_id", "item_id"], orient="row")


@pytest.fixture(scope="module")
def first() -> Recommender:
    return Recommender("bpr", dim=4, epochs=2, batch_size=32).fit(events(range(20), range(15)))


@pytest.mark.parametrize("name", TABLES)
def test_rows_of_known_ids_are_those_that_were_given(name, first):
    """With no epoch the tables are what training begins with."""
    frame = events(range(10, 30), range(5, 25))
    values = {"dim": 4, "epochs": 0, "batch_size": 32, "seed": 7}
    drawn = Recommender(name, **values).fit(frame)
    model = Recommender(name, **values).fit(frame, start_from=first)
    cosine = METHODS[name].cosine
    for own, given, fresh, found in (
        (model.users, first.users, drawn.user_embeddings, model.user_embeddings),
        (model.items, first.items, drawn.item_embeddings, model.item_embeddings),
    ):
        table = first.user_embeddings if given is first.users else first.item_embeddings
        known = 0
        for row, raw in enumerate(own.values.to_list()):
            at = given.rows([raw])[0]
            known += at >= 0
            if at < 0:
                assert not torch.equal(found[row], fresh[row]), "a new id is folded in"
                continue
            expected = table[at] / table[at].norm() if cosine else table[at]
            torch.testing.assert_close(found[row], expected)
        assert known == 10


def folded(rows, others, pairs, own):
    """What `fold_in_users` gives one new row, by the formula, in float64."""
    unit = others / np.linalg.norm(others, axis=1, keepdims=True)
    known = [row for row in range(len(rows)) if any(a == row for a, _ in pairs)]
    means = np.array([np.mean([unit[b] for a, b in pairs if a == row], axis=0) for row in known])
    square = means.T @ means
    ridge = 1e-2 * np.mean(np.diag(square))
    mapping = np.linalg.solve(square + ridge * np.eye(len(square)), means.T @ rows[known])
    return np.mean([unit[b] for b in own], axis=0) @ mapping


def test_rows_of_new_ids_are_folded_in_from_what_is_known(first):
    frame = events(range(10, 30), range(5, 25))
    model = Recommender("bpr", dim=4, epochs=0, seed=7).fit(frame, start_from=first)
    users, items = first.user_embeddings.double().numpy(), first.item_embeddings.double().numpy()
    pairs = list(zip(first.train.user_idx.tolist(), first.train.item_idx.tolist(), strict=True))
    had = frame.rows()
    own = [int(first.items.rows([i])[0]) for u, i in had if u == 25 and i < 15]
    expected = folded(users, items, pairs, own)
    found = model.user_embeddings[int(model.users.rows([25])[0])].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    own = [int(first.users.rows([u])[0]) for u, i in had if i == 20 and u < 20]
    expected = folded(items, users, [(b, a) for a, b in pairs], own)
    found = model.item_embeddings[int(model.items.rows([20])[0])].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_new_id_without_anything_known_stays_as_drawn(first):
    frame = pl.concat(
        [events(range(20), range(15)), pl.DataFrame({"user_id": [90], "item_id": [91]})]
    )
    values = {"dim": 4, "epochs": 0, "seed": 7}
    drawn = Recommender("bpr", **values).fit(frame)
    model = Recommender("bpr", **values).fit(frame, start_from=first)
    assert torch.equal(model.user_embeddings[-1], drawn.user_embeddings[-1])
    assert torch.equal(model.item_embeddings[-1], drawn.item_embeddings[-1])


def test_the_graph_smooths_what_was_given(first):
    frame = events(range(20), range(15))
    values = {"dim": 4, "epochs": 0, "seed": 7}
    one = Recommender("lightgcn", **values).fit(frame, start_from=first)
    other = Recommender("lightgcn", **(values | {"seed": 8})).fit(frame, start_from=first)
    assert torch.equal(one.user_embeddings, other.user_embeddings)
    drawn = Recommender("lightgcn", **values).fit(frame)
    assert not torch.equal(one.user_embeddings, drawn.user_embeddings)


def test_a_folder_and_its_model_give_the_same_start(first, tmp_path):
    first.save(tmp_path / "first")
    frame = events(range(20), range(15), seed=1)
    values = {"dim": 4, "epochs": 2, "batch_size": 32}
    by_model = Recommender("directspec+", alpha=0.5, tau=3.0, lr=2.0, **values)
    by_folder = Recommender("directspec+", alpha=0.5, tau=3.0, lr=2.0, **values)
    by_model.fit(frame, start_from=first)
    by_folder.fit(frame, start_from=tmp_path / "first")
    assert torch.equal(by_model.user_embeddings, by_folder.user_embeddings)


def test_ids_written_as_numbers_or_as_text_are_the_same(first):
    frame = events(range(20), range(15)).with_columns(pl.all().cast(pl.String))
    model = Recommender("bpr", dim=4, epochs=0).fit(frame, start_from=first)
    at = model.users.rows(["7"])[0]
    given = first.user_embeddings[first.users.rows([7])[0]]
    torch.testing.assert_close(model.user_embeddings[at], given)


def test_a_checkpoint_is_of_its_start(first, tmp_path):
    frame, path = events(range(20), range(15)), tmp_path / "run.safetensors"
    values = {"dim": 4, "epochs": 2, "batch_size": 32, "checkpoint_every": 1}
    Recommender("bpr", **values).fit(frame, checkpoint=path, start_from=first)
    longer = values | {"epochs": 3}
    with pytest.raises(FitError, match="found a run with start = "):
        Recommender("bpr", **longer).fit(frame, checkpoint=path, resume=True)
    resumed = Recommender("bpr", **longer)
    resumed.fit(frame, checkpoint=path, resume=True, start_from=first)
    whole = Recommender("bpr", **longer).fit(frame, start_from=first)
    assert torch.equal(resumed.user_embeddings, whole.user_embeddings)


@pytest.mark.parametrize(
    ("method", "values", "words"),
    [
        (
            "bpr",
            {"dim": 8},
            "start_from, model bpr: found rows of width 4; expected setting dim, 8",
        ),
        ("ease", {}, "start_from: found method ease; expected a method with epochs"),
        (
            "gde",
            {"dim": 4},
            "start_from: found a method that trains no table of users and of items",
        ),
        ("auto", {}, "start_from: found method auto; expected a method with epochs"),
    ],
)
def test_what_cannot_begin_with_it_says_so(method, values, words, first):
    with pytest.raises(SettingError, match=words) as caught:
        Recommender(method, **values).fit(events(range(20), range(15)), start_from=first)
    assert "\n" not in str(caught.value)


def test_a_model_of_other_ids_or_without_embeddings_is_refused(first):
    frame = events(range(100, 120), range(200, 215))
    with pytest.raises(SettingError, match="found no user and no item of the data"):
        Recommender("bpr", dim=4, epochs=1).fit(frame, start_from=first)
    weights = Recommender("ease").fit(events(range(20), range(15)))
    with pytest.raises(FitError, match="start_from, model ease: found no embeddings"):
        Recommender("bpr", dim=4, epochs=1).fit(frame, start_from=weights)


@pytest.mark.slow
def test_on_the_command_line(first, tmp_path):
    first.save(tmp_path / "first")
    events(range(20), range(15)).write_csv(tmp_path / "events.csv")
    fit = ("fit", tmp_path / "events.csv", "--method", "bpr", *QUICK, "--start-from")
    run = fullrank(*fit, tmp_path / "first", "-o", tmp_path / "second")
    assert run.code != 0
    assert "found rows of width 4; expected setting dim, 8, or dim = 4" in run.err
    run = fullrank(*fit, tmp_path / "first", "--dim", 4, "-o", tmp_path / "second")
    assert run.code == 0, run.err
    run = fullrank(*fit, tmp_path / "nothing", "-o", tmp_path / "third")
    assert run.code != 0
    assert len(run.err.strip().splitlines()) <= 3
