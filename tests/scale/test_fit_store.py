"""Fits on a store: every worker maps its users' pairs, and the model is that of pairs in memory."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from stored_tasks import METHODS, stopped_or_whole, trained
from typer.testing import CliRunner

import fullrank as fr
from fullrank.cli import app
from fullrank.data.store import Store, prepare
from fullrank.data.synthetic import generate
from fullrank.errors import DataError, SettingError
from fullrank.evaluation import evaluate
from fullrank.scale import fit
from fullrank.scale.cluster import cluster
from fullrank.scale.group import Group
from fullrank.scale.sources import InMemory
from fullrank.scale.stored import Stored
from fullrank.serving import DotScorer

pytestmark = pytest.mark.posix
VALUES = {"epochs": 3, "batch_size": 64, "dim": 8, "threads": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    home = tmp_path_factory.mktemp("store")
    generate(200, 80, 3000, seed=5).to_frame().write_parquet(home / "t.parquet")
    return prepare(home / "t.parquet", home / "store", test=0.2, validation=0.1)


@pytest.fixture(scope="module")
def ray():
    pytest.importorskip("ray")
    with cluster(2) as ray:
        yield ray


def table(answers, at, side):
    return np.concatenate([answer[at][side] for answer in answers])


@pytest.mark.slow
def test_tables_and_figures_are_those_of_pairs_in_memory(store, two):
    split = store.split()
    alone = [trained(Group(), Group(), InMemory.of(split.parts))]
    found = two.run(trained, Stored.of(store))
    for at in range(len(METHODS)):
        for side in (0, 1):
            close = {"rtol": 0, "atol": 1e-5}
            np.testing.assert_allclose(table(found, at, side), table(alone, at, side), **close)
        assert found[0][at][2] == pytest.approx(alone[0][at][2], abs=1e-6)
        tables = [torch.from_numpy(table(found, at, side)) for side in (0, 1)]
        wanted = evaluate(
            DotScorer(*tables), split.test, train=split.train, validation=split.validation, k=5
        )
        values = [answer[at][3].found.per_user("ndcg@5") for answer in found]
        np.testing.assert_array_equal(np.concatenate(values), wanted.per_user("ndcg@5"))


@pytest.mark.slow
def test_other_workers_go_on_from_the_checkpoint(store, two, three, tmp_path):
    identity = {"train": store.manifest["parts"]["train"]["fingerprint"]}
    quiet, kept = (
        (Stored.of(store), str(tmp_path / "quiet")),
        (Stored.of(store), str(tmp_path / "k")),
    )
    whole = two.run(stopped_or_whole, *quiet, None, False, identity)
    assert two.run(stopped_or_whole, *kept, 2, False, identity) == [None, None]
    found = three.run(stopped_or_whole, *kept, None, True, identity)
    users = [np.concatenate([rows for rows, _ in each]) for each in (whole, found)]
    np.testing.assert_allclose(*users, rtol=0, atol=1e-5)
    assert [[epochs for _, epochs in each] for each in (whole, found)] == [[4, 4], [2, 2, 2]]


@pytest.mark.slow
def test_a_model_of_a_store_serves_like_any_other(ray, store, tmp_path, monkeypatch):
    del ray
    plain, seen = fr.Recommender("bpr", **VALUES).fit(store.split()), []
    monkeypatch.setattr("fullrank.data.store.opening.check_pairs", None)  # not by this process
    made = fit(fr.Recommender("bpr", **VALUES), store, workers=2, k=(10,), tested=seen.append)
    for name in ("user_embeddings", "item_embeddings"):
        torch.testing.assert_close(getattr(made, name), getattr(plain, name), rtol=0, atol=1e-5)
    assert isinstance(made.train.item_idx.base.base, np.memmap)
    wanted = plain.evaluate(k=10)
    assert made.metrics["metrics"] == pytest.approx(dict(wanted), abs=1e-6)
    assert made.metrics["protocol"] == seen[0].protocol == wanted.protocol
    np.testing.assert_allclose(seen[0].per_user("ndcg@10"), wanted.per_user("ndcg@10"), atol=1e-6)
    made.save(tmp_path / "model")
    loaded = fr.Recommender.load(tmp_path / "model")
    assert loaded.recommend().equals(made.recommend())
    assert made.recommend()["item_id"].equals(plain.recommend()["item_id"])


@pytest.mark.slow
def test_the_command_fits_a_store_by_workers(ray, store, tmp_path):
    del ray
    figures = []
    for workers in ("1", "2"):
        out = tmp_path / workers
        command = ["fit", str(store.folder), "-o", str(out), "--workers", workers, "--json"]
        command += ["--method", "bpr", "--dim", "8", "--epochs", "2", "--device", "cpu"]
        items = ["--items", str(tmp_path / "items.csv")]
        (tmp_path / "items.csv").write_text("id,title\ni1,Heat\n", encoding="utf-8")
        run = CliRunner().invoke(app, [*command, *items, "--threads", "1"])
        assert run.exit_code == 0, run.output
        assert (out / "report.html").exists() == (workers == "1")
        figures.append(json.loads(run.stdout)["test"])
        loaded = fr.Recommender.load(out)
        assert loaded.training.get("workers", 1) == int(workers)
        assert loaded.items_table["title"].drop_nulls().to_list() == ["Heat"]
        assert loaded.train.fingerprint == store.interactions().fingerprint
    assert figures[0]["metrics"] == pytest.approx(figures[1]["metrics"], abs=1e-6)
    assert figures[0]["protocol"] == figures[1]["protocol"]


@pytest.mark.slow
def test_a_store_that_is_damaged_ends_the_fit_in_one_line(ray, store, tmp_path):
    del ray
    own = Store.open(shutil.copytree(store.folder, tmp_path / "store"))
    items = np.load(own.folder / "train.items.npy")
    items[-1] = 80
    np.save(own.folder / "train.items.npy", items)
    with pytest.raises(DataError, match="found an item row beyond the 80 there are"):
        fit(fr.Recommender("bpr", **VALUES), own, workers=2)


def test_one_worker_on_a_store_is_the_plain_path(store):
    plain = fr.Recommender("bpr", **VALUES).fit(store.split())
    alone = fit(fr.Recommender("bpr", **VALUES), store, workers=1, k=(10,))
    assert torch.equal(plain.user_embeddings, alone.user_embeddings)
    assert alone.metrics["metrics"] == dict(plain.evaluate(k=10))


def test_a_cutoff_beyond_the_items_is_refused_before_workers_start(store):
    with pytest.raises(SettingError, match="setting k: found 81; expected no more than the 80"):
        fit("bpr", store, workers=2, k=(81,))


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--validation", "0"], "option --validation: found 0, to learn from the validation part"),
        (["--holdout", "0.3"], "a setting of test, how, columns or min_interactions"),
        (["--validation-like", "test"], "setting validation_like: found 'test' with a validation"),
        (["--final"], "option --final: found a store with --workers 2"),
    ],
)
def test_what_cannot_be_with_workers_on_a_store_is_refused(store, options, found, tmp_path):
    command = ["fit", str(store.folder), "-o", str(tmp_path / "m"), "--workers", "2", *options]
    run = CliRunner().invoke(app, command)
    assert run.exit_code != 0
    assert found in str(run.exception or run.output)


@pytest.mark.slow
def test_large_data_that_are_read_are_said(store, tmp_path, monkeypatch):
    monkeypatch.setattr("fullrank.cli.workers.LARGE", 10)
    path = store.folder.parent / "t.parquet"
    command = ["fit", str(path), "-o", str(tmp_path / "m"), "--workers", "2", "--method", "ease"]
    run = CliRunner().invoke(app, command)
    assert f"`fullrank data prepare {path} -o STORE` makes a store" in run.output
