"""Fits through Ray: a model like any other, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import fullrank as fr
from fullrank.cli import app
from fullrank.errors import FitError, SettingError
from fullrank.scale import fit
from fullrank.scale.cluster import cluster
from fullrank.scale.launch import worker_device
from fullrank.scale.steps import PAIR_BY_PAIR, check_weights
from fullrank.training import Silent

pytestmark = pytest.mark.posix
VALUES = {"epochs": 3, "batch_size": 64, "dim": 8, "threads": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def ray():
    pytest.importorskip("ray")
    with cluster(2) as ray:
        yield ray


EXACT = (
    "workers, setting encoder: found 'lightgcn' with propagation = 'exact'; "
    "expected propagation = 'factored', or encoder = 'mf'"
)


def model(name="bpr", **values):
    return fr.Recommender(name, **{**VALUES, **values})


LONG = {"epochs": 30, "checkpoint_every": 1, "validate_every": 5, "patience": 1000}
LONG |= {"lr": 0.01, "optimizer": "adam"}


@pytest.fixture(scope="module")
def quiet(ray, small):
    """A fit of two workers that nothing befalls."""
    del ray
    return fit(model(**LONG), small, workers=2)


@pytest.mark.slow
def test_two_workers_make_the_model_of_one(quiet, small, tmp_path):
    plain, made = model(**LONG).fit(small), quiet
    assert made.training["workers"] == 2
    for name in ("user_embeddings", "item_embeddings"):
        torch.testing.assert_close(getattr(made, name), getattr(plain, name), rtol=0, atol=1e-4)
    for name in ("validation_ndcg@20", "effective_rank", "effective_rank_all_rows"):
        assert made.training[name] == pytest.approx(plain.training[name], abs=1e-4)
    assert made.training["rows_without_interactions"] == plain.training["rows_without_interactions"]
    assert dict(made.evaluate(k=10)) == pytest.approx(dict(plain.evaluate(k=10)), abs=1e-3)
    made.save(tmp_path / "m")
    loaded = fr.Recommender.load(tmp_path / "m")
    user = str(small.train.users.values[0])
    assert loaded.recommend([user]).equals(made.recommend([user]))


@pytest.mark.slow
def test_two_workers_search_on_factored_lightgcn_as_one_does(ray, small):
    del ray
    on_graph = {"encoder": "lightgcn", "propagation": "factored", "rank": 16, "dim": 16}
    plain = model("directspec+", **on_graph).fit(small)
    made = fit(model("directspec+", **on_graph), small, workers=2)
    assert made.training["chosen"] == plain.training["chosen"]
    for name in ("user_embeddings", "item_embeddings"):
        torch.testing.assert_close(getattr(made, name), getattr(plain, name), rtol=0, atol=1e-3)
    for name in ("validation_ndcg@20", "effective_rank"):
        assert made.training[name] == pytest.approx(plain.training[name], abs=1e-3)
    assert made.training["parameters"] == plain.training["parameters"]


def test_one_worker_is_the_plain_path(small):
    plain, alone = model().fit(small), fit(model(), small, workers=1)
    assert torch.equal(plain.user_embeddings, alone.user_embeddings)
    assert torch.equal(plain.item_embeddings, alone.item_embeddings)


class Kills(Silent):
    """Kills a worker in the middle of some epochs.

    Args:
        at: Numbers of news of steps at which to kill, of all that come.
    """

    def __init__(self, at):
        self.at, self.pids, self.heard, self.killed = at, [], 0, 0

    def started(self, pids):
        self.pids = list(pids)

    def steps(self, count):
        self.heard += 1
        if self.heard in self.at:
            os.kill(self.pids[self.heard % 2], signal.SIGKILL)
            self.killed += 1


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced_and_no_bit_is_other(quiet, small, tmp_path):
    kills, notes = Kills({2}), []
    made = fit(
        model(**LONG), small, workers=2, checkpoint=tmp_path / "killed", reporter=kills,
        note=notes.append, started=kills.started,
    )  # fmt: skip
    assert kills.killed == 1
    assert "a worker has died; all workers start again" in notes[0]
    assert torch.equal(quiet.user_embeddings, made.user_embeddings)
    assert torch.equal(quiet.item_embeddings, made.item_embeddings)
    losses = [[record["loss"] for record in each.training["history"]] for each in (quiet, made)]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_workers_that_die_again_and_again_end_the_run(ray, small, monkeypatch):
    del ray
    monkeypatch.setattr("fullrank.scale.launch.RESTARTS", 0)

    def kill(pids):
        os.kill(pids[0], signal.SIGKILL)

    with pytest.raises(FitError, match="deaths of workers with no checkpoint in between"):
        fit(model(), small, workers=2, started=kill, note=lambda line: None)


@pytest.mark.slow
def test_an_error_of_a_worker_is_one_line(ray, small):
    del ray
    with pytest.raises(FitError, match="try an lr below"):
        fit(model("euclidean", lr=1e30), small, workers=2)


@pytest.mark.slow
def test_ctrl_c_leaves_a_checkpoint_that_goes_on(quiet, small, tmp_path):
    class Interrupts(Silent):
        def start(self, *what):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(model(**LONG), small, workers=2, checkpoint=tmp_path, reporter=Interrupts())
    with pytest.raises(FitError, match="the checkpoint of another run"):
        fit(model(**LONG), small, workers=2, checkpoint=tmp_path)
    made = fit(model(**LONG), small, workers=2, checkpoint=tmp_path, resume=True)
    np.testing.assert_array_equal(made.user_embeddings, quiet.user_embeddings)


@pytest.mark.slow
def test_the_command_fits_by_workers(ray, small, tmp_path):
    del ray
    table = tmp_path / "pairs.csv"
    small.train.to_frame().write_csv(table)
    out = tmp_path / "model"
    options = ["--dim", "8", "--epochs", "2", "--set", "lr=1.0", "--set", "alpha=0.7"]
    options += ["--set", "tau=4.0", "--set", "batch_size=64", "--no-report", "--device", "cpu"]
    run = CliRunner().invoke(app, ["fit", str(table), "-o", str(out), "--workers", "2", *options])
    assert run.exit_code == 0, run.output
    assert "fitting directspec+: 2 workers share one fit; one process would try" in run.output
    loaded = fr.Recommender.load(out)
    assert (loaded.method, loaded.training["workers"]) == ("directspec+", 2)
    assert loaded.metrics["metrics"]["ndcg@10"] > 0
    assert not list(out.glob("checkpoint*"))


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--balance", "local"], "option --balance: found one worker"),
        (["--workers", "2", "--balance", "mine"], "option --balance: found 'mine'"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options, found, tmp_path):
    run = CliRunner().invoke(app, ["fit", "x.csv", "-o", str(tmp_path / "m"), *options])
    assert run.exit_code != 0
    assert found in str(run.exception or run.output)


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("ease", {}, "workers, method ease"),
        ("auto", {}, "workers, method auto"),
        ("lightgcn", {}, EXACT),
        ("directau", {}, "workers, method directau"),
        ("bpr", {"encoder": "lightgcn"}, EXACT),
        ("bpr", {"weighted": True}, "workers, setting weighted: found True"),
        ("ccl", {"dropout": 0.1}, "workers, setting dropout: found 0.1; expected 0.0"),
        ("directspec+", {"tau_design": "attention"}, "setting tau_design: found 'attention'"),
        ("directspec+", {"precision": "bfloat16"}, "workers, setting precision"),
        ("directspec", {"balance": "loss"}, "workers, setting balance: found 'loss'"),
    ],
)
def test_what_several_workers_cannot_train_is_refused(small, name, values, found):
    with pytest.raises(SettingError) as error:
        fit(fr.Recommender(name, **values), small, workers=2)
    assert found in str(error.value)


def test_edges_of_a_graph_with_weights_are_refused(small):
    pairs, on_graph = small.train, {"encoder": "lightgcn", "propagation": "factored", "rank": 8}
    arrays = pairs.user_idx, pairs.item_idx
    weighted = fr.Interactions.from_rows(
        pairs.users, pairs.items, *arrays, weight=np.ones(len(pairs), dtype=np.float32)
    )
    with pytest.raises(SettingError, match="found 'lightgcn' on weights; expected weighting"):
        fit(model("bpr", **on_graph), weighted, workers=2)
    found = model("bpr", **on_graph, weighting="none").settings
    check_weights(found, weighted)
    check_weights(model("bpr").settings, weighted)


def test_a_missing_ray_says_which_extra_has_it(small, monkeypatch):
    asked = model()
    monkeypatch.setitem(sys.modules, "ray", None)  # its import fails
    with pytest.raises(
        SettingError, match=r"no package ray; expected pip install 'fullrank\[scale\]'"
    ):
        fit(asked, small, workers=2)


@pytest.mark.slow
def test_methods_that_are_shared_exist():
    assert set(PAIR_BY_PAIR) <= set(fr.METHODS)


@pytest.mark.parametrize(
    ("name", "expected"), [("auto", "cpu"), ("cpu", "cpu"), ("cuda", "cuda"), ("cuda:1", "cuda")]
)
def test_workers_take_gpus_only_where_they_are_asked_for(name, expected):
    assert worker_device(name) == expected
