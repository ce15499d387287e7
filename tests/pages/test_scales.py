from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fullrank.pages.scales import Scale, brief, log_ticks, shown, tick_labels, ticks

FINITE = st.floats(-1e6, 1e6)


def test_a_linear_scale_is_a_straight_line():
    scale = Scale.over([2.0, 10.0], 100.0, 20.0)
    assert scale(2) == 100
    assert scale(10) == 20
    assert scale(4) == pytest.approx(80)


def test_a_logarithmic_scale_has_equal_ratios_equally_far_apart():
    scale = Scale.over([1.0, 1000.0], 0.0, 300.0, log=True)
    assert [scale(10.0**power) for power in range(4)] == pytest.approx([0, 100, 200, 300])
    assert Scale.over([0.0, -3.0, 1.0, 10.0], 0.0, 1.0, log=True).low == 1.0


def test_what_lies_outside_is_put_on_the_edge():
    scale = Scale.over([0.0, 1.0], 0.0, 10.0)
    assert scale(-5) == 0
    assert scale(7) == 10


def test_what_is_no_number_is_passed_over():
    scale = Scale.over([None, math.nan, math.inf, 1.0, 3.0], 0.0, 10.0)
    assert (scale.low, scale.high) == (1.0, 3.0)
    assert Scale.over([], 0.0, 1.0)(0.5) == 0.5


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("value", [0.0, 5.0, 1e-9])
def test_one_value_alone_has_a_position(value, log):
    scale = Scale.over([value], 0.0, 10.0, log=log)
    assert 0 <= scale(max(value, 1e-12)) <= 10
    assert scale.low < scale.high


def test_zero_is_on_the_axis_where_asked():
    scale = Scale.over([3.0, 4.0], 0.0, 10.0, zero=True, margin=0.1)
    assert scale.low == 0
    assert scale.high == pytest.approx(4.4)


@given(FINITE, st.floats(1e-6, 1e6), st.integers(2, 8))
def test_ticks_are_round_even_and_within(low, width, most):
    high = low + width
    found = ticks(low, high, most)
    assert 0 < len(found) + 1 <= most + 3
    slack = 1e-6 * max(abs(low), abs(high), 1e-6)
    assert all(low - slack <= each <= high + slack for each in found)
    steps = [b - a for a, b in pairwise(found)]
    if steps:
        first = f"{steps[0]:.6e}"[0]
        assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-3, abs=slack)
        assert first in "1259" or abs(low) > 1e3 * width


@given(st.floats(1e-6, 1e6), st.floats(1.01, 1e6))
def test_logarithmic_ticks_are_within(low, ratio):
    found = log_ticks(low, low * ratio, 5)
    assert len(found) <= 8
    assert found == sorted(found)
    assert all(low * 0.999 <= each <= low * ratio * 1.001 for each in found)


def test_labels_have_as_many_decimals_as_the_step_needs():
    assert tick_labels([0.05, 0.1, 0.15]) == ["0.05", "0.10", "0.15"]
    assert tick_labels([1.0, 3.0, 10.0]) == ["1", "3", "10"]
    assert tick_labels([]) == []


def test_numbers_are_written_for_people():
    assert shown(float("nan")) == brief(None) == "–"
    assert shown(12345.6) == "12,346"
    assert shown(0.2) == "0.2000"
