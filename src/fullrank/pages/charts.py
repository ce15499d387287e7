"""Charts as SVG text: lines, points, bars and histograms, each with the table of its values.

A chart is `WIDTH` units wide and scales with its column. Colours are classes that the style sheet
gives values in light, dark and print; lines differ by their dashes too. Text goes through one
function that escapes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from fullrank.pages import drawing
from fullrank.pages.drawing import (
    FLOOR,
    LEFT,
    LETTER,
    RIGHT,
    TOP,
    WIDTH,
    Chart,
    Series,
    described,
    n,
    path,
    svg,
    whole,
    with_interval,
)
from fullrank.pages.scales import Number, Scale, shown


def line_chart(
    title: str,
    x: Sequence[float],
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    text: str = "",
    log_x: bool = False,
    log_y: bool = False,
    zero: bool = False,
    mark: tuple[float, str] | None = None,
    key: bool = False,
    note: str = "",
) -> Chart:
    """Lines over a common x, each labelled at its end where there are several.

    Args:
        title: What is seen.
        x: (n,) ascending positions.
        series: Lines of n values each.
        x_label: Name of the x axis, with its unit.
        y_label: Name of the y axis, with its unit.
        text: For who cannot see it; made of first, last and extreme values if absent.
        log_x: Whether x is logarithmic.
        log_y: Whether y is logarithmic.
        zero: Whether 0 is on the y axis.
        mark: A position with a label, drawn as a vertical line.
        key: Whether the lines are named above the drawing, for they end where others do.
        note: A sentence below.
    """
    several = len(series) > 1
    longest = max((len(each.label) for each in series), default=0)
    right = min(10 + LETTER * longest, 120) if several and not key else RIGHT
    across = Scale.over(x, LEFT, WIDTH - right, log=log_x)
    values = [value for each in series for value in each.values]
    up = Scale.over(values, FLOOR, TOP, log=log_y, zero=zero, margin=0.04)
    parts = [drawing.axes(across, up, x_label, y_label)]
    if mark is not None:
        parts += drawing.vertical(across, *mark, low=_high_at(mark[0], x, series[0], up))
    for each in reversed(series):  # the first lies on top
        parts += path(x, each.values, across, up, each.style)
    if several and not key:
        parts += drawing.end_labels(series, across, up)
    head = [x_label, *(each.label if several else y_label for each in series)]
    rows = [
        [whole(value), *(shown(each.values[row]) for each in series)] for row, value in enumerate(x)
    ]
    return Chart(
        title,
        svg(parts),
        text or described(x, series, x_label, y_label),
        head,
        rows,
        [round(across(value), 1) for value in x],
        key=[(each.label, each.style) for each in series] if key else [],
        note=note,
    )


def _high_at(at: float, x: Sequence[float], line: Series, up: Scale) -> bool:
    """Whether a line is in the upper half there, so that a label is better put below it."""
    known = [(abs(each - at), v) for each, v in zip(x, line.values, strict=True) if v is not None]
    return bool(known) and up(min(known)[1]) < (TOP + FLOOR) / 2


def point_chart(
    title: str,
    x: Sequence[float],
    y: Sequence[Number],
    *,
    x_label: str,
    y_label: str,
    best: int | None = None,
    line: Sequence[Number] = (),
    log_x: bool = False,
    text: str = "",
    names: Sequence[str] = (),
    note: str = "",
) -> Chart:
    """Points, one of them marked as the best, and perhaps a line through others.

    Args:
        title: What is seen.
        x: (n,) positions.
        y: (n,) values; None where there is none.
        x_label: Name of the x axis.
        y_label: Name of the y axis.
        best: Which point is marked.
        line: (n,) values of a line in steps.
        log_x: Whether x is logarithmic.
        text: For who cannot see it.
        names: What each point is called, written beside it.
        note: A sentence below.
    """
    across = Scale.over(x, LEFT + 6, WIDTH - RIGHT - 6, log=log_x, margin=0.04 if names else 0.0)
    up = Scale.over([*y, *line], FLOOR, TOP, margin=0.06)
    parts = [drawing.axes(across, up, x_label, y_label)]
    if line:
        parts += path(*drawing.steps(x, line), across, up, "main")
    known = [(row, at, v) for row, (at, v) in enumerate(zip(x, y, strict=True)) if v is not None]
    for row, at, value in known:
        style, size = ("main", 5) if row == best else ("soft", 3.5)
        name = f"{names[row] if names else whole(at)}: {shown(value)}"
        dot = Markup('<circle class="{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>')
        parts.append(dot.format(style, n(across(at)), n(up(value)), size, name))
    if names:
        points = [(across(at), up(value), names[row]) for row, at, value in known]
        parts += drawing.point_labels(points, (LEFT + WIDTH) / 2)
    head = [*(["name"] if names else []), x_label, y_label, *(["best so far"] if line else [])]
    rows = [
        [*([names[row]] if names else []), whole(at), shown(y[row])]
        + ([shown(line[row])] if line else [])
        for row, at in enumerate(x)
    ]
    told = text or described(x, [Series(y_label, y)], x_label, y_label)
    ascending = not names and all(a < b for a, b in pairwise(x))
    at_x = [round(across(value), 1) for value in x] if ascending else []
    return Chart(title, svg(parts), told, head, rows, at_x, note=note)


def bar_chart(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    unit: str,
    text: str = "",
    most: float | None = None,
    note: str = "",
    first: str = "",
    strong: int | None = None,
) -> Chart:
    """Bars to the right, under the label of their row, with values at their ends.

    Args:
        title: What is seen.
        labels: (n,) what each row is.
        series: Bars of n values each, of 0 or more.
        unit: What the values are.
        text: For who cannot see it.
        most: Value of the full width; the largest if absent.
        note: A sentence below.
        first: Head of the column of labels in the table.
        strong: The row that stands out, where there is one series.
    """
    thick, lead, gap = 12, 15, 8
    step = lead + len(series) * (thick + 2) + gap
    ends = [
        each.intervals[row][1]  # type: ignore[index]
        if each.intervals and each.intervals[row]
        else value
        for each in series
        for row, value in enumerate(each.values)
        if value is not None
    ]
    across = Scale.over([0.0, *ends] if most is None else [0.0, most], 2, WIDTH - 64, zero=True)
    parts: list[Markup] = []
    for row, label in enumerate(labels):
        top = row * step
        parts.append(drawing.words(2, top + 11, label, "start", "label"))
        for slot, each in enumerate(series):
            y = top + lead + slot * (thick + 2)
            style = each.style if strong is None or row == strong else "soft"
            parts += drawing.bar(each, row, y, thick, across, style)
    head = [first or "of", *(each.label for each in series)]
    rows = [
        [label, *(with_interval(each, row) for each in series)] for row, label in enumerate(labels)
    ]
    told = text or f"{unit}: " + "; ".join(
        f"{row[0]} " + ", ".join(f"{h} {v}" for h, v in zip(head[1:], row[1:], strict=True))
        for row in rows[:12]
    )
    key = [(each.label, each.style) for each in series] if len(series) > 1 else []
    return Chart(
        title,
        svg(parts, max(step * len(labels) - gap + 2, 20)),
        told,
        head,
        rows,
        key=key,
        note=note,
    )


def histogram(
    title: str,
    edges: Sequence[float],
    shares: Sequence[float],
    *,
    x_label: str,
    y_label: str,
    text: str = "",
    other: Series | None = None,
    style: str = "main",
    note: str = "",
) -> Chart:
    """Columns between edges, perhaps beside a line through what other columns would be.

    Args:
        title: What is seen.
        edges: (n + 1,) ascending.
        shares: (n,) heights, of 0 or more.
        x_label: Name of the x axis.
        y_label: Name of the y axis.
        text: For who cannot see it.
        other: A line of n heights.
        style: Of the columns.
        note: A sentence below.
    """
    across = Scale.over(edges, LEFT, WIDTH - RIGHT)
    heights = [*shares, *(other.values if other else ())]
    up = Scale.over(heights, FLOOR, TOP, zero=True, margin=0.04)
    parts = [drawing.axes(across, up, x_label, y_label)]
    for low, high, share in zip(edges, edges[1:], shares, strict=False):
        left, right, top = across(low), across(high), up(share)
        parts.append(Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
            f"{style} fill", n(left), n(top), n(max(right - left - 0.6, 0.4)),
            n(FLOOR - top)))  # fmt: skip
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    if other is not None:
        parts += path(middles, other.values, across, up, other.style)
    head = [x_label, y_label, *([other.label] if other else [])]
    rows = [
        [f"{low:.3g} to {high:.3g}", shown(shares[row]),
         *([shown(other.values[row])] if other else [])]
        for row, (low, high) in enumerate(pairwise(edges))
    ]  # fmt: skip
    told = text or described(middles, [Series(y_label, shares)], x_label, y_label)
    key = [(y_label, style), (other.label, other.style)] if other else []
    at = [round(across(value), 1) for value in middles]
    return Chart(title, svg(parts), told, head, rows, at, key, note)
