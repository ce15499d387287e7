"""Draws panels: small multiples under the finding, curves labelled at their ends."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fullrank.pictures.panels import Bars, Line, Panel
from fullrank.pictures.style import (
    ACCENT,
    BLUE,
    INK,
    MIDDLE,
    SLATE,
    SOFT,
    TEAL,
    pyplot,
    save,
)

WIDTH, HEIGHT = 4.3, 3.1
"""Of a panel, in inches."""
COLOURS = {"subject": ACCENT, "rival": BLUE, "third": TEAL, "reference": SOFT}
OTHERS = ((SLATE, "-"), (MIDDLE, "-"), (SLATE, (0, (4, 2))), (MIDDLE, (0, (4, 2))), (SLATE, ":"))
"""Looks of the rest, in their order: told apart in grey too."""
COLUMNS = 2
"""Most panels side by side: more would be too small to read in a page's width."""
GAP = 0.062
"""Least distance of two labels, as a share of a panel's height."""


def write_chart(
    panels: Sequence[Panel | Bars], title: str, below: str, paths: Sequence[Path]
) -> bool:
    """Draws panels and writes the picture to each path.

    Returns:
        Whether there was anything to draw, and to draw with.
    """
    figure = chart(panels, title, below)
    if figure is None:
        return False
    for path in paths:
        save(figure, path)
    plt = pyplot()
    if plt is not None:
        plt.close(figure)
    return True


def chart(panels: Sequence[Panel | Bars], title: str, below: str = "") -> Any | None:
    """A figure of one panel or several, two in a row.

    Args:
        panels: What is drawn.
        title: The finding, in a sentence.
        below: Data, protocol and seeds, in small letters under the title.

    Returns:
        Matplotlib's figure; None without matplotlib or without panels.
    """
    plt = pyplot()
    if plt is None or not panels:
        return None
    columns = min(len(panels), COLUMNS)
    rows = math.ceil(len(panels) / columns)
    width = max(WIDTH * columns, 6.0)
    heights = [max(_height(panel) for panel in panels[at * columns :][:columns])
               for at in range(rows)]  # fmt: skip
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(width, sum(heights)),
        squeeze=False,
        layout="constrained",
        height_ratios=heights,
    )
    for axis, panel in zip(axes.flat, panels, strict=False):
        if isinstance(panel, Bars):
            _bars(axis, panel)
        else:
            _lines(axis, panel)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    _headed(figure, title, below, width)
    return figure


def _headed(figure: Any, title: str, below: str, width: float) -> None:
    # A value stays with its name: no line ends in the middle of "N = 8".
    whole_values = re.sub(r" = (?=\S)", "\u00a0=\u00a0", title)
    lines = textwrap.wrap(whole_values, int(width * 12), break_on_hyphens=False)
    small = textwrap.wrap(below, int(width * 16), break_on_hyphens=False)
    whole = figure.get_figheight()
    top = 1 + (0.2 * len(lines) + 0.16 * len(small) + 0.1) / whole
    figure.text(0.01, top, "\n".join(lines), fontsize=11.5, va="top", color=INK, weight="bold")
    under = top - 0.2 * len(lines) / whole
    figure.text(0.01, under, "\n".join(small), fontsize=8, va="top", color=MIDDLE)


def _height(panel: Panel | Bars) -> float:
    return max(1.2, 0.75 + 0.24 * len(panel.bars)) if isinstance(panel, Bars) else HEIGHT


def _lines(axis: Any, panel: Panel) -> None:
    _scale(axis, panel)
    others, ends = 0, []
    for line in sorted(panel.lines, key=lambda each: each.role == "subject"):
        look: tuple[str, Any] = (COLOURS.get(line.role, SLATE), "-")
        if line.role == "other":
            look = OTHERS[others % len(OTHERS)]
            others += 1
        if line.role == "third":
            look = TEAL, (0, (5, 1.5))  # seen where it lies on another
        end = _line(axis, line, *look)
        if end is not None:
            ends.append((line.label, *end, look[0]))
    if panel.points:
        places = [each.x for each in panel.points], [each.y for each in panel.points]
        axis.scatter(*places, marker="D", s=26, facecolor="none", edgecolor=INK, zorder=5)
        last = max(panel.points, key=lambda each: each.x)
        ends.append(("paper ◇", last.x, last.y, INK))
    if panel.x_ticks is not None:
        names = panel.x_names or [f"{each:g}" for each in panel.x_ticks]
        axis.set_xticks(panel.x_ticks, names)
        axis.minorticks_off()
    if panel.y_limits is not None:
        axis.set_ylim(*panel.y_limits)
    known = [x for line in panel.lines for x in line.x]
    for x, name in panel.upright:
        if not min(known, default=x) <= x <= max(known, default=x):
            continue  # a value that was not tried would press the curve into a corner
        axis.axvline(x, color=INK, linewidth=0.9, linestyle=(0, (1, 2)), zorder=2)
        axis.annotate(name, (x, 0.02), xycoords=("data", "axes fraction"), xytext=(3, 0),
                      textcoords="offset points", fontsize=8, color=INK)  # fmt: skip
    _label(axis, ends)


def _scale(axis: Any, panel: Panel) -> None:
    axis.set(xlabel=panel.x_label, ylabel=panel.y_label)
    axis.set_title(panel.title)
    if panel.x_log:
        axis.set_xscale("log")
    elif panel.x_label == "epoch":
        axis.xaxis.get_major_locator().set_params(integer=True)
    if panel.y_log:
        axis.set_yscale("log")


def _line(axis: Any, line: Line, colour: str, dashes: Any) -> tuple[float, float] | None:
    """Draws it, and returns where it ends."""
    known = [
        (x, y, 0.0 if line.spread is None else line.spread[at])
        for at, (x, y) in enumerate(zip(line.x, line.y, strict=True))
        if y is not None and math.isfinite(y)
    ]
    if not known:
        return None
    x, y, spread = (list(each) for each in zip(*known, strict=True))
    subject = line.role == "subject"
    width = {"subject": 2.4, "rival": 1.9, "third": 1.9, "reference": 1.0}.get(line.role, 1.4)
    style = ":" if line.role == "reference" else dashes
    mark = {"marker": "o", "markersize": 4.5 if subject else 3.5} if line.marks else {}
    axis.plot(x, y, color=colour, linewidth=width, linestyle=style, zorder=4 if subject else 3,
              **mark)  # fmt: skip
    if any(spread):
        low = [each - more for each, more in zip(y, spread, strict=True)]
        high = [each + more for each, more in zip(y, spread, strict=True)]
        axis.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    return x[-1], y[-1]


def _label(axis: Any, ends: Sequence[tuple[str, float, float, str]]) -> None:
    """Writes the labels right of the panel, none over another."""
    if not ends:
        return
    axis.get_xlim(), axis.get_ylim()  # brings the limits up to date
    to_axes = axis.transData + axis.transAxes.inverted()
    placed = sorted(
        ((to_axes.transform((x, y))[1], to_axes.transform((x, y))[0], label, colour)
         for label, x, y, colour in ends)
    )  # fmt: skip
    heights = spread_out([min(max(y, 0.0), 1.0) for y, *_ in placed], GAP)
    for height, (y, x, label, colour) in zip(heights, placed, strict=True):
        moved = abs(height - y) > GAP / 3 or x < 0.93
        arrow = {"arrowstyle": "-", "color": SOFT, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 1}
        axis.annotate(
            label,
            (min(x, 1.0), min(max(y, 0.0), 1.0)),
            xycoords="axes fraction",
            xytext=(1.03, height),
            textcoords="axes fraction",
            color=colour if colour != SOFT else MIDDLE,
            fontsize=8.5,
            va="center",
            annotation_clip=False,
            arrowprops=arrow if moved else None,
        )


def spread_out(heights: Sequence[float], gap: float) -> list[float]:
    """Ascending heights moved apart to at least ``gap``, within [0, 1] where there is room.

    >>> [round(each, 2) for each in spread_out([0.5, 0.52, 0.9], 0.1)]
    [0.46, 0.56, 0.9]
    """
    groups: list[tuple[list[float], float]] = []  # members, and the height of the lowest
    for height in heights:
        members, low = [height], height
        while groups and low - (groups[-1][1] + gap * (len(groups[-1][0]) - 1)) < gap - 1e-12:
            before, _ = groups.pop()
            members = before + members
            middle = sum(members) / len(members)
            low = middle - gap * (len(members) - 1) / 2
        low = max(min(low, 1.0 - gap * (len(members) - 1)), 0.0)
        groups.append((members, low))
    return [low + gap * at for members, low in groups for at in range(len(members))]


def _bars(axis: Any, panel: Bars) -> None:
    bars = list(reversed(panel.bars))
    axis.set(xlabel=panel.x_label)
    axis.set_title(panel.title)
    axis.grid(visible=False, axis="y")
    if panel.x_log:
        axis.set_xscale("log")
    for at, bar in enumerate(bars):
        colour = COLOURS.get(bar.role, MIDDLE)
        reach = 0.0
        if bar.value is not None and math.isfinite(bar.value):
            reach = bar.value + bar.spread
            error = {"xerr": bar.spread, "ecolor": INK, "capsize": 2} if bar.spread else {}
            axis.barh(at, bar.value, color=colour, height=0.62, **error)
        if bar.paper is not None:
            reach = max(reach, bar.paper)
            axis.scatter([bar.paper], [at], marker="D", s=22, facecolor="white", edgecolor=INK,
                         zorder=5)  # fmt: skip
        text = "diverged" if bar.value is None else panel.form.format(bar.value)
        if bar.paper is not None:
            text += f"  (paper {panel.form.format(bar.paper)})"
        axis.annotate(text, (reach, at), xytext=(6, 0), textcoords="offset points", va="center",
                      fontsize=8, color=INK, annotation_clip=False)  # fmt: skip
    axis.set_yticks(range(len(bars)), [bar.label for bar in bars])
    axis.tick_params(axis="y", length=0)
    room = max(5 - len(bars), 0) / 2  # a few bars beside a tall panel are not to be fat
    axis.set_ylim(-0.6 - room, len(bars) - 0.4 + room)
