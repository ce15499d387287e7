"""Signals that wait for the end of a step: none is lost, wherever it strikes."""

# ruff: noqa: PT012  # what comes before and after a signal is what is looked at

from __future__ import annotations

import signal

import pytest

from fullrank.errors import Stopped
from fullrank.training.interrupt import deferred_interrupt


@pytest.fixture(autouse=True)
def raises():
    """Ctrl-C raises, as in every Python."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_what_comes_before_an_inner_part_is_seen_in_it():
    with pytest.raises(Stopped), deferred_interrupt() as whole:
        signal.raise_signal(signal.SIGINT)
        with deferred_interrupt() as part:
            assert part.requested
            raise Stopped(part.number)
    assert whole.number == signal.SIGINT


def test_what_comes_after_the_last_look_of_an_inner_part_is_seen_outside():
    with pytest.raises(Stopped), deferred_interrupt() as whole:
        with deferred_interrupt() as part:
            assert not part.requested
            signal.raise_signal(signal.SIGINT)
        assert whole.requested
        raise Stopped(whole.number)


def test_what_nobody_has_looked_at_acts_at_the_end():
    done = []
    with pytest.raises(KeyboardInterrupt):
        with deferred_interrupt():
            signal.raise_signal(signal.SIGINT)
            done.append("the work")
        done.append("what comes after it")
    assert done == ["the work"]


def test_another_error_stays_what_it_is():
    with pytest.raises(ValueError, match="a bug"), deferred_interrupt():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("a bug")


def test_a_second_one_acts_at_once():
    with pytest.raises(KeyboardInterrupt), deferred_interrupt(), deferred_interrupt():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("went on")


def test_each_whole_has_a_flag_of_its_own():
    with pytest.raises(Stopped), deferred_interrupt():
        signal.raise_signal(signal.SIGINT)
        raise Stopped
    with deferred_interrupt() as later:
        assert not later.requested
