from __future__ import annotations

import dataclasses
import math

import pytest
from runs import parameters, same, trainer

from fullrank.engine import Loss
from fullrank.errors import FitError
from fullrank.training import CheckpointFile, Silent


class Notes(Silent):
    """Keeps the log, in order."""

    def __init__(self):
        self.log = []

    def start(self, epochs, steps, history):
        self.log.append(("start", epochs, steps, len(history)))

    def steps(self, count):
        self.log.extend(["step"] * count)

    def epoch(self, record):
        self.log.append(("epoch", record["epoch"]))

    def close(self):
        self.log.append("close")


class Script:
    """A validation that gives a known sequence, and keeps the parameters it was asked about."""

    def __init__(self, *scores):
        self.scores, self.seen, self.epochs, self.run = scores, [], [], None

    def __call__(self):
        self.seen.append(parameters(self.run))
        self.epochs.append(self.run.progress.epoch)
        return self.scores[len(self.seen) - 1]

    def of(self, data, **options):
        self.run = trainer(data, validate=self, **options)
        return self.run


def test_history_and_decay(small):
    run = trainer(small.train, lr_decay=0.5, probe=lambda: {"effective_rank": 3.0})
    history = run.run().history
    assert [record["epoch"] for record in history] == [1, 2, 3, 4, 5, 6]
    assert [record["lr"] for record in history] == [0.5**epoch for epoch in range(6)]
    assert all(record["effective_rank"] == 3.0 for record in history)
    assert all(record["seconds"] > 0 for record in history)
    assert history[-1]["loss"] < history[0]["loss"]
    assert set(history[0]) == {"epoch", "loss", "lr", "seconds", "effective_rank"}
    assert run.progress.seconds == pytest.approx(sum(r["seconds"] for r in history), rel=0.1)


def test_an_epoch_is_interactions_over_batch_and_at_least_one_step(small):
    assert trainer(small.train, batch_size=100).steps == len(small.train) // 100
    assert trainer(small.train, batch_size=10**4).steps == 1


def test_the_reporter_receives_everything_in_order(tiny):
    notes = Notes()
    trainer(tiny, batch_size=70, epochs=2, reporter=notes).run()
    epochs = [["step", "step", ("epoch", epoch)] for epoch in (1, 2)]
    assert notes.log == [("start", 2, 2, 0), *epochs[0], *epochs[1], "close"]


def test_no_epochs_leave_the_initial_rows(tiny):
    script = Script()
    run = script.of(tiny, epochs=0)
    before = parameters(run)
    assert run.run().history == []
    assert same(parameters(run), before)
    assert not script.seen


@pytest.mark.slow
def test_it_stops_when_stale_and_restores_the_best(small):
    script = Script(0.1, 0.3, 0.2, 0.3, 0.25)  # a sixth check would fail; a tie is no gain
    run = script.of(small.train, epochs=50, validate_every=2, patience=3, tau_design="attention")
    progress = run.run()
    assert script.epochs == [2, 4, 6, 8, 10]
    assert (progress.best_epoch, progress.best_metric, progress.epoch) == (4, 0.3, 10)
    assert same(parameters(run), script.seen[1])
    assert all(not same(script.seen[1], other) for other in script.seen[2:])
    checks = [record.get("validation_ndcg@20") for record in progress.history]
    assert checks == [None, 0.1, None, 0.3, None, 0.2, None, 0.3, None, 0.25]


def test_a_gain_starts_the_count_anew(small):
    script = Script(0.5, 0.4, 0.6, 0.1, 0.2)
    run = script.of(small.train, epochs=50, validate_every=1, patience=2)
    assert run.run().epoch == 5
    assert same(parameters(run), script.seen[2])


def test_the_last_epoch_is_looked_at_and_may_be_the_best(small):
    script = Script(0.1, 0.2)
    run = script.of(small.train, epochs=7, validate_every=5)
    assert run.run().best_epoch == 7
    assert script.epochs == [5, 7]
    assert same(parameters(run), script.seen[1])


def test_looking_does_not_change_what_is_learned(small):
    blind = trainer(small.train)
    blind.run()
    seeing = Script(*range(6)).of(small.train, validate_every=1)
    seeing.run()
    assert same(parameters(blind), parameters(seeing))


def test_a_diverging_loss_is_one_line_and_leaves_no_checkpoint(small, tmp_path):
    notes, checkpoint = Notes(), CheckpointFile(tmp_path / "c", {})
    run = trainer(
        small.train, "euclidean-positive", lr=1e30, checkpoint=checkpoint, reporter=notes,
        checkpoint_every=1, validate=lambda: pytest.fail("ruined parameters were looked at"),
    )  # fmt: skip
    with pytest.raises(FitError, match=r"epoch 1: found a loss of (nan|inf).*lr below 1e\+30"):
        run.run()
    assert notes.log[-1] == "close"
    assert not checkpoint.exists()


def test_parameters_ruined_by_the_last_step_are_noticed(tiny):
    run = trainer(
        tiny, epochs=1, batch_size=150, lr=1e4, probe=lambda: {"effective_rank": math.nan}
    )
    ruinous = Loss(lambda rows: (rows.pair[0] * 1e36).sum())
    step = dataclasses.replace(run.plan.step, balance=None, loss=ruinous)
    run.plan = dataclasses.replace(run.plan, step=step)
    with pytest.raises(FitError, match=r"epoch 1: found a loss of [-+.e\d]+ and parameters that"):
        run.run()
