"""The one style: labels that do not lie on each other, bands, marks, and a dark mode."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from fullrank.pictures import Bar, Bars, Line, Panel, Point, chart, write_chart
from fullrank.pictures.draw import spread_out
from fullrank.pictures.style import DARK, with_dark_mode

pytest.importorskip("matplotlib")


def panel(**more) -> Panel:
    lines = [
        Line("one", [0, 1, 2], [1.0, 2.0, 3.0], [0.1, 0.1, 0.1], "subject"),
        Line("two", [0, 1, 2], [1.0, None, 3.01]),
        Line("nothing", [0], [None]),
    ]
    return Panel("here", "epoch", "effective rank", lines, **more)


@pytest.mark.parametrize("heights", [[0.5], [0.5, 0.5, 0.5], [0.0, 0.01, 0.98, 1.0, 1.0], []])
def test_labels_are_apart_in_order_and_inside(heights):
    moved = spread_out(heights, 0.06)
    assert len(moved) == len(heights)
    assert all(later - earlier >= 0.06 - 1e-9 for earlier, later in pairwise(moved))
    assert all(-1e-9 <= each <= 1 + 1e-9 for each in moved)


def test_heights_that_are_apart_stay():
    assert spread_out([0.1, 0.5, 0.9], 0.06) == [0.1, 0.5, 0.9]


def test_a_panel_has_labels_bands_points_and_marks():
    figure = chart([panel(points=[Point(1, 2.5)], upright=[(2, "best")])], "The finding", "demo")
    (axis,) = figure.axes
    texts = {text.get_text() for text in axis.texts}
    assert {"one", "two", "paper ◇", "best"} <= texts
    assert "nothing" not in texts
    assert len(axis.collections) == 2  # the band and the paper's points
    assert axis.get_xlabel() == "epoch"
    assert "The finding" in {text.get_text() for text in figure.texts}
    assert chart([], "nothing to draw") is None


def test_bars_say_their_value_and_the_papers():
    bars = [Bar("ours", 0.21, 0.01, 0.22, "subject"), Bar("wild", None)]
    (axis,) = chart([Bars("citeulike", "nDCG@10", bars)], "t").axes
    texts = [text.get_text() for text in axis.texts]
    assert "0.2100  (paper 0.2200)" in texts
    assert "diverged" in texts


@pytest.mark.parametrize("before", range(40, 60))
def test_no_line_of_a_title_ends_within_a_value(before):
    title = "x" * before + " N = 1, N = 2, N = 4, N = 8, and so on"
    lines = chart([panel()], title).texts[0].get_text().split("\n")
    assert len(lines) > 1
    assert not [line for line in lines if line.endswith(("=", "N")) or line.startswith("=")]


def test_svg_is_transparent_and_lightens_on_a_dark_screen(tmp_path):
    assert write_chart([panel()], "The finding", "demo", [tmp_path / "a.svg", tmp_path / "a.png"])
    svg = (tmp_path / "a.svg").read_text("utf-8")
    assert "The finding" in svg
    assert 'fill: #ffffff"' not in svg
    assert svg.count("prefers-color-scheme") == 1
    used = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", svg.split("</style>", 1)[1]))
    assert used & set(DARK)
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_the_same_picture_has_the_same_bytes(tmp_path):
    for name in ("a.svg", "b.svg"):
        write_chart([panel()], "The finding", "demo", [tmp_path / name])
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_style_sheet_goes_into_the_root():
    assert with_dark_mode('<?xml?><svg a="1"><g/></svg>').startswith('<?xml?><svg a="1"><style>')
