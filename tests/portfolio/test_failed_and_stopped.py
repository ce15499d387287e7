"""A method that fails is a line of the leaderboard; a signal leaves the best that was whole."""

from __future__ import annotations

import contextlib
import signal
from functools import partial

import pytest
from contests import board, contest

import fullrank as fr
from fullrank.errors import FitError, Stopped
from fullrank.methods import EASE
from fullrank.portfolio.board import METRIC
from fullrank.portfolio.contest import Contest
from fullrank.portfolio.entries import ENTRIES
from fullrank.portfolio.trials import Trials
from fullrank.training import Silent


@pytest.mark.slow
@pytest.mark.parametrize(
    "error", [RuntimeError("it\nbroke"), MemoryError(), FitError("a", "b", "c")]
)
def test_a_method_that_fails_is_a_line(small, monkeypatch, error):
    def fail(self, data, device):
        raise error

    monkeypatch.setattr(EASE, "solve", fail)
    line = board(contest(small))["ease"]
    assert line[METRIC] is None
    assert line["note"].startswith("failed: ")
    assert "\n" not in line["note"]


def test_if_nothing_can_be_fitted_it_says_why(small, monkeypatch):
    def fail(self, *_):
        raise FitError("a", "b", "c")

    monkeypatch.setattr(Trials, "part", fail)
    with pytest.raises(FitError, match="method auto: found no method that fits"):
        fr.Recommender("auto").fit(small)


def interrupting(after, number=None):
    """A reporter that is interrupted after so many trials."""

    class Reporter(Silent):
        left = after

        def trial(self, record):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt if number is None else Stopped(number)

    return Reporter()


@pytest.mark.parametrize(("number", "name"), [(None, "SIGINT"), (15, "SIGTERM")])
def test_stopped_it_is_the_best_that_was_whole(small, number, name):
    model = fr.Recommender(budget="5m")
    with pytest.raises(KeyboardInterrupt) as stop:
        model.fit(small, reporter=interrupting(4, number))
    assert getattr(stop.value, "number", 2) == (number or 2)
    auto = model.training["auto"]
    assert (auto["stopped"], model.method) == (name, auto["won"])
    assert sum(len(each) for each in auto["trials"].values()) == 4
    values = [each[METRIC] for trials in auto["trials"].values() for each in trials]
    assert model.training[METRIC] == max(values)
    notes = {line["method"]: line["note"] for line in auto["leaderboard"]}
    assert notes["ease"] == "left out: stopped before it was whole"
    assert len(model.recommend(k=3))


def test_stopped_before_anything_is_whole_there_is_no_model(small, monkeypatch):
    def interrupted(self, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Trials, "part", interrupted)
    model = fr.Recommender()
    with pytest.raises(KeyboardInterrupt):
        model.fit(small)
    assert not model.training
    with pytest.raises(fr.NotFittedError):
        model.recommend()


def test_stopped_while_parts_are_blended_it_is_the_best_of_them(small, monkeypatch):
    def interrupted(*_, **__):
        raise Stopped(15)

    only = tuple(entry for entry in ENTRIES if entry.method in ("popularity", "ease"))
    monkeypatch.setattr("fullrank.portfolio.fitting.Contest", partial(Contest, entries=only))
    monkeypatch.setattr("fullrank.portfolio.fitting.blend", interrupted)
    model = fr.Recommender()
    with pytest.raises(Stopped):
        model.fit(small)
    assert (model.method, model.training["auto"]["stopped"]) == ("ease", "SIGTERM")


def test_a_signal_that_got_lost_is_heeded_before_the_next_trial(small):
    """As one that strikes in a destructor, whose exception Python only prints."""

    class Reporter(Silent):
        def trial(self, record):
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    run = contest(small, reporter=Reporter())
    with interruptible():
        lines = run.run()
    assert run.stopped == signal.SIGINT
    assert sum(len(line.trials) for line in lines) == 1


@contextlib.contextmanager
def interruptible():
    """Python's own Ctrl-C, whatever started the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
