from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest
import torch

from fullrank.errors import DataError, FitError
from fullrank.methods import METHODS, plan_of, settings_of
from fullrank.training import CheckpointFile, JsonLines, Silent, Trainer

QUICK = {"dim": 8, "batch_size": 32, "epochs": 6, "lr": 1.0}


def trainer(data, method="directspec+", **options):
    values = {name: options.pop(name) for name in list(options) if name not in WIRES}
    settings = settings_of(method, QUICK | values)
    return Trainer(plan_of(method, settings, data, "cpu"), settings, **options)


WIRES = {"validate", "probe", "checkpoint", "reporter"}


def tables(run):
    return [table.clone() for table in run.plan.encoder.tables()]


def same(left, right):
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_a_step_is_plain_gradient_descent(small, method, weight_decay):
    options = {"epochs": 1, "weight_decay": weight_decay, "batch_size": 4000}
    run = trainer(small.train, method, **options)
    leaves = [table.clone().requires_grad_() for table in run.plan.encoder.tables()]
    batch = next(run.plan.sampler.batches(np.random.default_rng([0, 0]), 1, 4000))
    user, item = leaves[0][batch.user_idx], leaves[1][batch.item_idx]
    negative = None if batch.negative_idx is None else leaves[1][batch.negative_idx]
    pair = torch.stack((user, item))
    balanced = run.plan.balance(pair, batch) if run.plan.balance else pair
    loss = run.plan.objective(balanced[0], balanced[1], negative)
    drawn = [user, item] + ([] if negative is None else [negative.flatten(0, 1)])
    penalty = sum(rows.square().sum() for rows in drawn) / len(user)
    (loss + weight_decay / 2 * penalty).backward()
    progress = run.run()
    lr = run.settings.lr
    for leaf, table in zip(leaves, run.plan.encoder.tables(), strict=True):
        torch.testing.assert_close(table, leaf.detach() - lr * leaf.grad, rtol=1e-4, atol=1e-6)
    assert progress.history[0]["loss"] == pytest.approx(loss.item(), rel=1e-5)


def test_history_and_decay(small):
    run = trainer(small.train, lr_decay=0.5, probe=lambda: 3.0)
    history = run.run().history
    assert [record["epoch"] for record in history] == [1, 2, 3, 4, 5, 6]
    assert [record["lr"] for record in history] == [0.5**epoch for epoch in range(6)]
    assert all(record["effective_rank"] == 3.0 for record in history)
    assert history[-1]["loss"] < history[0]["loss"]


def test_it_stops_when_stale_and_restores_the_best(small):
    scores = iter([0.1, 0.3, 0.2, 0.3, 0.25, 0.9])
    seen = []

    def validate():
        seen.append(tables(run))
        return next(scores)

    run = trainer(
        small.train, epochs=50, validate_every=2, patience=3, validate=validate, lr_decay=0.9
    )
    progress = run.run()
    assert (progress.best_epoch, progress.best_metric) == (4, 0.3)
    assert progress.epoch == 10
    assert same(run.plan.encoder.tables(), seen[1])
    assert not same(seen[1], seen[4])


def test_a_diverging_loss_is_one_line(small):
    with pytest.raises(FitError, match=r"epoch \d: found a loss of (nan|inf).*lr below 1e\+30"):
        trainer(small.train, "euclidean-positive", lr=1e30).run()


class StopAt(Silent):
    """Asks for a stop, as Ctrl-C does, after some steps."""

    def __init__(self, step):
        self.left = step

    def step(self):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


VARIANTS = [
    ("directspec+", {}),
    ("directspec+", {"optimizer": "adagrad", "lr": 0.1}),
    ("directspec+", {"optimizer": "adam", "lr": 0.01}),
    ("directspec+", {"tau_design": "attention"}),
    ("directspec+", {"tau_design": "graph", "tau_near": 2.0}),
    ("bpr", {"negatives": 2}),
    ("bce", {"sampler": "users"}),
]


@pytest.mark.parametrize(("method", "options"), VARIANTS)
def test_resumed_equals_uninterrupted(small, method, options, tmp_path):
    def look(run):
        return lambda: float(run[0].plan.encoder.tables()[0].abs().sum())

    holder: list[Trainer] = []
    whole = trainer(small.train, method, validate=look(holder), validate_every=2, **options)
    holder.append(whole)
    whole.run()
    steps = whole.steps
    for stop in (steps * 2 + 3, steps * 3):
        path = tmp_path / f"{stop}.safetensors"
        checkpoint = CheckpointFile(path, {"run": "a"})
        holder.clear()
        wires = {"validate": look(holder), "validate_every": 2, "checkpoint": checkpoint}
        cut = trainer(small.train, method, reporter=StopAt(stop), **wires, **options)
        holder.append(cut)
        with pytest.raises(KeyboardInterrupt):
            cut.run()
        assert cut.progress.epoch * steps + cut.progress.step == stop
        holder.clear()
        rest = trainer(small.train, method, **wires, **options)
        holder.append(rest)
        rest.run(resume=True)
        assert same(whole.plan.encoder.tables(), rest.plan.encoder.tables())
        losses = [[record["loss"] for record in run.progress.history] for run in (whole, rest)]
        assert losses[0] == losses[1]
        assert rest.progress.best_epoch == whole.progress.best_epoch


def test_signal_handlers_are_given_back(small):
    before = signal.getsignal(signal.SIGINT)
    trainer(small.train, epochs=1).run()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(small, tmp_path):
    path = tmp_path / "c.safetensors"
    trainer(small.train, checkpoint=CheckpointFile(path, {"lr": 1, "tau": 3})).run()
    other = trainer(small.train, checkpoint=CheckpointFile(path, {"lr": 1, "tau": 4}))
    with pytest.raises(FitError, match="a run with tau = 3; expected tau = 4"):
        other.run(resume=True)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"c\.safetensors: found a damaged file"):
        other.run(resume=True)
    path.unlink()
    with pytest.raises(DataError, match="no checkpoint"):
        other.run(resume=True)


def test_the_log_has_each_epoch_once(small, tmp_path):
    log, checkpoint = tmp_path / "log.jsonl", CheckpointFile(tmp_path / "c", {})
    trainer(small.train, epochs=4, checkpoint=checkpoint, reporter=JsonLines(log)).run()
    with log.open("a") as file:
        file.write(json.dumps({"epoch": 5}) + "\n")  # written by a run that was killed
    trainer(small.train, epochs=7, checkpoint=checkpoint, reporter=JsonLines(log)).run(resume=True)
    epochs = [json.loads(line)["epoch"] for line in log.read_text().splitlines()]
    assert epochs == list(range(1, 8))


def test_learned_tau_moves(small):
    run = trainer(small.train, tau_design="attention")
    before = run.plan.learned.tau.weight.detach().clone()
    run.run()
    assert not torch.equal(run.plan.learned.tau.weight, before)
    assert run.plan.learned.tau.weight.grad is None
