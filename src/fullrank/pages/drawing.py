"""What charts are drawn of, as SVG text: axes, lines, bars, labels. All text in it is escaped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fullrank.pages.scales import Number, Scale, shown, tick_labels

WIDTH, HEIGHT = 360, 224
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 24, 38
"""Margins in units; the right one is wider where labels stand at the ends of lines."""
FLOOR = HEIGHT - BOTTOM
"""Position of the x axis."""
LETTER = 5.9
"""Mean width of a letter in units, at the size of the text in charts."""
GAP = 13.0
"""Least distance between the labels of two lines."""


@dataclass(frozen=True)
class Series:
    """A line or a set of bars.

    Attributes:
        label: What it is.
        values: One for each position; None where there is none.
        style: A class of the style sheet: main, second, third, soft.
        intervals: Of bars: lower and upper end of each, or None.
        write: How a value is written.
    """

    label: str
    values: Sequence[Number]
    style: str = "main"
    intervals: Sequence[Sequence[float] | None] = ()
    write: Callable[[Number], str] = shown


@dataclass(frozen=True)
class Chart:
    """What a figure shows.

    Attributes:
        title: What is seen.
        svg: The drawing.
        text: What stands in its place for who cannot see it.
        head: Column heads of the table of values.
        rows: Its rows.
        at: Positions of the rows along the x axis, where a cursor can walk along it.
        key: Labels and styles, where the drawing has none at the lines.
        note: A sentence below.
    """

    title: str
    svg: Markup
    text: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    at: Sequence[float] = ()
    key: Sequence[tuple[str, str]] = ()
    note: str = ""


def svg(parts: Iterable[Markup], height: float = HEIGHT) -> Markup:
    """A drawing of these parts."""
    start = Markup('<svg viewBox="0 0 {} {}" aria-hidden="true" focusable="false">')
    return start.format(WIDTH, n(height)) + Markup("").join(parts) + Markup("</svg>")


def n(value: float) -> str:
    """A position, to a tenth of a unit."""
    return f"{value:.1f}".removesuffix(".0")


def words(x: float, y: float, text: str, anchor: str = "start", style: str = "") -> Markup:
    """Text at a position; a long one is cut."""
    room = (WIDTH - x if anchor == "start" else x) / LETTER
    if anchor != "middle" and len(text) > room:
        text = text[: max(1, int(room) - 1)] + "…"
    kind = Markup(' class="{}"').format(style) if style else Markup("")
    start = Markup('<text x="{}" y="{}" text-anchor="{}"').format(n(x), n(y), anchor)
    return start + kind + Markup(">{}</text>").format(text)


def axes(across: Scale, up: Scale, x_label: str, y_label: str) -> Markup:
    """Lines of a grid with values at them, and the names of both axes."""
    parts = []
    for name, value in _labelled(up, 5):
        y = up(value)
        parts.append(_rule(across.start, across.end, y, y, "grid"))
        parts.append(words(LEFT - 5, y + 4, name, "end"))
    for name, value in _labelled(across, 5):
        x = across(value)
        parts.append(_rule(x, x, FLOOR, FLOOR + 4, "tick"))
        parts.append(words(x, FLOOR + 16, name, "middle"))
    parts.append(_rule(across.start, across.end, FLOOR, FLOOR, "axis"))
    parts.append(words((across.start + across.end) / 2, HEIGHT - 5, x_label, "middle", "name"))
    parts.append(words(0, 10, y_label, "start", "name"))
    return Markup("").join(parts)


def _labelled(scale: Scale, most: int) -> list[tuple[str, float]]:
    values = scale.ticks(most)
    return list(zip(tick_labels(values), values, strict=True))


def _rule(x1: float, x2: float, y1: float, y2: float, style: str) -> Markup:
    line = Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>')
    return line.format(style, n(x1), n(x2), n(y1), n(y2))


def steps(x: Sequence[float], values: Sequence[Number]) -> tuple[list[float], list[Number]]:
    """Positions and values of a line that keeps each value to the position of the next.

    >>> steps([1.0, 2.0], [0.3, 0.5])
    ([1.0, 2.0, 2.0], [0.3, 0.3, 0.5])
    """
    twice = [at for at in x for _ in (0, 1)]
    return twice[1:], [value for value in values for _ in (0, 1)][:-1]


def vertical(across: Scale, at: float, label: str, *, low: bool = False) -> list[Markup]:
    """A marked position along the x axis, its label on the side that has more room.

    Args:
        across: The x axis.
        at: The position.
        label: What is there.
        low: Whether the label stands at the foot of the line.
    """
    x = across(at)
    late = x > (across.start + across.end) / 2
    text = words(
        x + (-4 if late else 4),
        FLOOR - 6 if low else TOP + 8,
        label,
        "end" if late else "start",
        "halo",
    )
    return [_rule(x, x, TOP, FLOOR, "mark"), text]


def path(
    x: Sequence[float], values: Sequence[Number], across: Scale, up: Scale, style: str
) -> list[Markup]:
    """A line through the values that there are; a single one is a point."""
    known = [
        (across(at), up(value))
        for at, value in zip(x, values, strict=True)
        if value is not None and math.isfinite(value) and (value > 0 or not up.log)
    ]
    if len(known) == 1:
        dot = Markup('<circle class="{}" cx="{}" cy="{}" r="3"/>')
        return [dot.format(style, n(known[0][0]), n(known[0][1]))]
    points = " ".join(f"{n(a)},{n(b)}" for a, b in known)
    return [Markup('<polyline class="{}" points="{}"/>').format(style, points)] if known else []


def end_labels(series: Sequence[Series], across: Scale, up: Scale) -> list[Markup]:
    """The name of each line at its end, moved apart where two would touch."""
    ends = []
    for each in series:
        last = next((value for value in reversed(each.values) if value is not None), None)
        if last is not None and math.isfinite(last) and (last > 0 or not up.log):
            ends.append((up(last), each))
    heights = apart([y for y, _ in ends])
    return [
        words(across.end + 6, y + 4, each.label, "start", f"end {each.style}")
        for y, (_, each) in zip(heights, ends, strict=True)
    ]


def point_labels(points: Sequence[tuple[float, float, str]], middle: float) -> list[Markup]:
    """The names of points, on the side of each that has more room, moved apart.

    Args:
        points: Position and name of each.
        middle: Where names begin to stand on the left.
    """
    parts = []
    for late in (False, True):
        side = [point for point in points if (point[0] > middle) == late]
        heights = apart([y for _, y, _ in side], gap=12.0)
        for (x, _, name), y in zip(side, heights, strict=True):
            parts.append(words(x + (-7 if late else 7), y + 4, name, "end" if late else "start",
                               "halo"))  # fmt: skip
    return parts


def apart(wanted: Sequence[float], gap: float = GAP, top: float = TOP + 4) -> list[float]:
    """Heights at least ``gap`` apart, near those wanted, all above the x axis.

    >>> apart([50.0, 52.0, 120.0], gap=10.0)
    [46.0, 56.0, 120.0]
    """
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    groups: list[tuple[float, list[int]]] = []  # where the middle of a group is, and who is in it

    def group(members: list[int]) -> tuple[float, list[int]]:
        half = gap * (len(members) - 1) / 2
        mean = sum(wanted[each] for each in members) / len(members)
        return max(min(mean, FLOOR - half), top + half), members

    for at in order:
        groups.append(group([at]))
        while len(groups) > 1 and _touch(groups[-2], groups[-1], gap):
            groups[-2:] = [group(groups[-2][1] + groups[-1][1])]
    found = [0.0] * len(wanted)
    for middle, members in groups:
        start = middle - gap * (len(members) - 1) / 2
        for slot, at in enumerate(members):
            found[at] = start + slot * gap
    return found


def _touch(upper: tuple[float, list[int]], lower: tuple[float, list[int]], gap: float) -> bool:
    halves = gap * (len(upper[1]) + len(lower[1])) / 2
    return lower[0] - upper[0] < halves


def bar(each: Series, row: int, y: float, thick: float, across: Scale, style: str) -> list[Markup]:
    """A bar to the right with its interval and its value."""
    value = each.values[row]
    if value is None or not math.isfinite(value):
        return [words(across.start + 4, y + thick - 2, "–")]
    x = across(value)
    box = Markup('<rect class="{} fill" x="{}" y="{}" width="{}" height="{}"/>')
    width = max(x - across.start, 0.8)
    parts = [box.format(style, n(across.start), n(y), n(width), n(thick))]
    between = each.intervals[row] if each.intervals else None
    if between is not None:
        low, high, middle = across(between[0]), across(between[1]), y + thick / 2
        parts.append(_rule(low, high, middle, middle, "whisker"))
        x = max(x, high)
    return [*parts, words(x + 5, y + thick - 2, each.write(value), "start", "value")]


def with_interval(each: Series, row: int) -> str:
    """A value for the table of a chart."""
    between = each.intervals[row] if each.intervals else None
    ends = "" if between is None else f" [{each.write(between[0])}, {each.write(between[1])}]"
    return each.write(each.values[row]) + ends


def described(x: Sequence[float], series: Sequence[Series], x_label: str, y_label: str) -> str:
    """What lines show, in words: where each begins and ends, and its extremes."""
    parts = [f"{y_label} against {x_label}"]
    for each in series:
        known = [(at, v) for at, v in zip(x, each.values, strict=True) if v is not None]
        if known:
            (first, a), (last, b) = known[0], known[-1]
            top = max(known, key=lambda pair: pair[1])
            parts.append(
                f"{each.label}: {shown(a)} at {whole(first)}, {shown(b)} at {whole(last)}, "
                f"highest {shown(top[1])} at {whole(top[0])}"
            )
    return ". ".join(parts)


def whole(value: float) -> str:
    """A position along an axis, as it stands in a table."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
