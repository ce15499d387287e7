from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from parsed import parse

from fullrank.pages.charts import bar_chart, histogram, line_chart, point_chart
from fullrank.pages.drawing import FLOOR, LEFT, RIGHT, TOP, WIDTH, Series, apart

LABELS = {"x_label": "epoch", "y_label": "loss"}


def points(chart, style):
    [line] = parse(chart.svg).with_class(style)
    return [tuple(map(float, pair.split(","))) for pair in line.attributes["points"].split()]


def test_a_line_goes_through_its_values():
    x, y = [1.0, 2.0, 5.0], [0.0, 10.0, 5.0]
    chart = line_chart("t", x, [Series("a", y)], **LABELS)
    found = points(chart, "main")
    left, right = LEFT, WIDTH - RIGHT
    low, high = -0.4, 10.4  # a twenty-fifth beyond the values
    for (px, py), at, value in zip(found, x, y, strict=True):
        assert px == pytest.approx(left + (at - 1) / 4 * (right - left), abs=0.06)
        assert py == pytest.approx(FLOOR - (value - low) / (high - low) * (FLOOR - TOP), abs=0.06)
    assert chart.at == [px for px, _ in found]


def test_logarithmic_axes():
    x, y = [1.0, 10.0, 100.0], [1.0, 100.0, 10.0]
    chart = line_chart("t", x, [Series("a", y)], log_x=True, log_y=True, **LABELS)
    (x0, y0), (x1, y1), (x2, y2) = points(chart, "main")
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.11)
    assert y0 - y2 == pytest.approx(y2 - y1, abs=0.11)


def test_gaps_are_left_out_of_the_line_and_shown_in_the_table():
    series = [Series("a", [1.0, None, float("nan")]), Series("b", [1, 2, 3])]
    chart = line_chart("t", [1, 2, 3], series, **LABELS)
    assert [row[1] for row in chart.rows] == ["1.0000", "–", "–"]
    assert len(parse(chart.svg).all("circle")) == 1  # a line of one point


def test_the_text_alternative_has_ends_and_extremes():
    chart = line_chart("t", [1, 2, 3], [Series("a", [0.5, 0.9, 0.7])], **LABELS)
    for part in ("0.5000 at 1", "0.7000 at 3", "highest 0.9000 at 2", "loss", "epoch"):
        assert part in chart.text


def test_lines_are_named_at_their_ends_or_above():
    series = [Series("first", [1.0, 2.0]), Series("other", [2.0, 1.0], "second")]
    at_ends = line_chart("t", [1, 2], series, **LABELS)
    assert [each.text for each in parse(at_ends.svg).with_class("end")] == ["first", "other"]
    above = line_chart("t", [1, 2], series, key=True, **LABELS)
    assert parse(above.svg).with_class("end") == []
    assert above.key == [("first", "main"), ("other", "second")]


@pytest.mark.parametrize("seed", range(20))
def test_labels_do_not_touch_and_stay_above_the_axis(seed):
    rng = np.random.default_rng(seed)
    wanted = rng.uniform(TOP, FLOOR, size=rng.integers(1, 9)).tolist()
    found = apart(wanted, gap=13.0)
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(np.array(found)[order]) >= 13 - 1e-9).all()
    assert min(found) >= TOP
    assert max(found) <= FLOOR + 1e-9
    if (np.diff(np.sort(wanted)) >= 13).all() and min(wanted) >= TOP + 4:
        assert found == pytest.approx(wanted)


def test_bars_are_as_long_as_their_values():
    values = [0.1, 0.4, None]
    intervals = [(0.05, 0.2), (0.3, 0.5), None]
    chart = bar_chart("t", ["a", "b", "c"], [Series("s", values, "main", intervals)], unit="recall")
    bars = parse(chart.svg).with_class("fill")
    widths = [float(each.attributes["width"]) for each in bars]
    assert len(widths) == 2
    full = WIDTH - 64 - 2
    assert widths == pytest.approx([0.1 / 0.5 * full, 0.4 / 0.5 * full], abs=0.11)
    whiskers = parse(chart.svg).with_class("whisker")
    ends = [(float(w.attributes["x1"]), float(w.attributes["x2"])) for w in whiskers]
    assert ends[1] == pytest.approx((2 + 0.3 / 0.5 * full, 2 + full), abs=0.11)
    assert chart.rows[1] == ["b", "0.4000 [0.3000, 0.5000]"]
    assert chart.rows[2] == ["c", "–"]


def test_the_best_row_stands_out():
    chart = bar_chart("t", ["a", "b"], [Series("s", [1.0, 2.0])], unit="u", strong=1)
    styles = [each.attributes["class"] for each in parse(chart.svg).all("rect")]
    assert styles == ["soft fill", "main fill"]


def test_columns_of_a_histogram():
    edges, shares = [0.0, 0.5, 1.0], [0.25, 0.75]
    chart = histogram("t", edges, shares, **LABELS)
    first, second = parse(chart.svg).all("rect")
    heights = [float(each.attributes["height"]) for each in (first, second)]
    assert heights[1] / heights[0] == pytest.approx(3, abs=0.02)
    assert float(first.attributes["y"]) + heights[0] == pytest.approx(FLOOR, abs=0.11)
    middle = LEFT + (WIDTH - RIGHT - LEFT) / 2
    assert float(second.attributes["x"]) == pytest.approx(middle, abs=0.06)
    assert [row[0] for row in chart.rows] == ["0 to 0.5", "0.5 to 1"]


def test_points_and_the_best_so_far():
    chart = point_chart("t", [1, 2, 3], [0.2, None, 0.4], best=2, line=[0.2, 0.2, 0.4], **LABELS)
    dots = parse(chart.svg).all("circle")
    assert [each.attributes["class"] for each in dots] == ["soft", "main"]
    [line] = parse(chart.svg).all("polyline")
    steps = [tuple(map(float, pair.split(","))) for pair in line.attributes["points"].split()]
    assert len(steps) == 5
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(steps))
    assert chart.rows == [
        ["1", "0.2000", "0.2000"],
        ["2", "–", "0.2000"],
        ["3", "0.4000", "0.4000"],
    ]


HOSTILE = '<script>alert("x")</script>&\'"'


def test_text_in_a_drawing_is_escaped():
    names = [HOSTILE, "b"]
    charts = [
        bar_chart(HOSTILE, names, [Series(HOSTILE, [1, 2]), Series("o", [1, 2])], unit=HOSTILE),
        line_chart(HOSTILE, [1, 2], [Series(HOSTILE, [1, 2]), Series("o", [1, 2])],
                   x_label=HOSTILE, y_label=HOSTILE, mark=(1, HOSTILE)),
        point_chart(HOSTILE, [1, 2], [1, 2], x_label=HOSTILE, y_label=HOSTILE, names=names),
        histogram(HOSTILE, [0, 1, 2], [1, 2], x_label=HOSTILE, y_label=HOSTILE,
                  other=Series(HOSTILE, [1, 2])),
    ]  # fmt: skip
    for chart in charts:
        assert "<script" not in chart.svg
        assert parse(chart.svg).all("script") == []
        assert "&lt;script" in chart.svg or "script" not in chart.svg


def test_a_long_name_is_cut_where_the_drawing_ends():
    chart = bar_chart("t", ["n" * 500], [Series("s", [1.0])], unit="u")
    [label] = parse(chart.svg).with_class("label")
    assert len(label.text) < 70
    assert chart.rows[0][0] == "n" * 500
