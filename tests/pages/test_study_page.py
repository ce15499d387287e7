"""Sentences of the page of a search."""

from __future__ import annotations

from fullrank.pages.study import Trial, gain


def trial(number, value):
    return Trial(number, "complete", value, {}, {}, None, None)


def test_the_gain_is_over_the_first_trial():
    assert gain([trial(1, 0.2), trial(3, 0.25), trial(4, 0.1)]) == (
        "That is 25.0 % above the first trial."
    )
    assert gain([trial(1, 0.2), trial(2, 0.1)]) == "No trial was better than the first."


def test_over_a_first_trial_that_failed_there_is_none():
    assert gain([trial(2, 0.2), trial(3, 0.25)]) == ""
    assert gain([trial(1, 0.0), trial(2, 0.25)]) == ""
    assert gain([trial(1, 0.2)]) == ""
